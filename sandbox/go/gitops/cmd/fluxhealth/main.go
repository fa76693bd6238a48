// Command fluxhealth says what Flux makes of objects, by the health check expressions of a
// Kustomization (spec.healthCheckExprs), with Flux's own evaluator.
//
// Standard input has one JSON request a line: {"exprs": {"current": "…", "inProgress": "…",
// "failed": "…"}, "object": {…}}; the answer to each is {"status": "…", "error": "…"}.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type request struct {
	Exprs  kustomize.HealthCheckExpressions `json:"exprs"`
	Object unstructured.Unstructured        `json:"object"`
}

type answer struct {
	Status string `json:"status"`
	Error  string `json:"error"`
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fluxhealth:", err)
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
	evaluator, err := cel.NewStatusEvaluator(&asked.Exprs)
	if err != nil {
		return answer{Error: err.Error()}
	}
	found, err := evaluator.Evaluate(context.Background(), &asked.Object)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Status: found.Status.String()}
}
