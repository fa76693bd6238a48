// Command gitopshealth says what GitOps tools make of objects.
//
// Standard input has one JSON request a line: {"judge": "argo", "script": "…", "object": {…}} for
// Argo CD's Lua, {"judge": "kstatus", "object": {…}} for sigs.k8s.io/cli-utils. The answer to each
// is one line {"status": "…", "message": "…", "error": "…"}.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"assent.tikv.org/sandbox/gitops/luahealth"
)

type request struct {
	Judge  string                    `json:"judge"`
	Script string                    `json:"script"`
	Object unstructured.Unstructured `json:"object"`
}

type answer struct {
	Status  string `json:"status"`
	Message string `json:"message"`
	Error   string `json:"error"`
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gitopshealth:", err)
		os.Exit(1)
	}
}

func serve(from io.Reader, to io.Writer) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<24)
	write := json.NewEncoder(to)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return err
		}
		if err := write.Encode(judge(asked)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func judge(asked request) answer {
	switch asked.Judge {
	case "argo":
		found, err := luahealth.Judge(asked.Script, asked.Object.Object)
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{Status: found.Status, Message: found.Message}
	case "kstatus":
		found, err := status.Compute(&asked.Object)
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{Status: found.Status.String(), Message: found.Message}
	}
	return answer{Error: fmt.Sprintf("there is no judge %q", asked.Judge)}
}
