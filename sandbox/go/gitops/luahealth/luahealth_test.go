package luahealth

import (
	"strings"
	"testing"
)

func TestVerdicts(t *testing.T) {
	object := map[string]any{
		"metadata": map[string]any{"generation": int64(3), "labels": nil},
		"status":   map[string]any{"list": []any{"a", "b"}, "ready": true, "share": 0.5},
	}
	cases := []struct{ name, script, status, failure string }{
		{"numbers compare", `if obj.metadata.generation == 3 then return {status="Healthy"} end`, "Healthy", ""},
		{"lists are counted from one", `return {status = obj.status.list[2] == "b" and "Healthy" or "Degraded"}`, "Healthy", ""},
		{"null is absent", `return {status = obj.metadata.labels == nil and "Healthy" or "Degraded"}`, "Healthy", ""},
		{"there is no string library", `return {status = string.upper("healthy")}`, "", "string"},
		{"there is no io library", `io.open("x")`, "", "nil"},
		{"an unknown status is an error", `return {status="Fine"}`, "", "no health status"},
		{"nothing returned is an error", `local x = 1`, "", "not a table"},
		{"an endless script ends", `while true do end`, "", "deadline"},
	}
	for _, one := range cases {
		t.Run(one.name, func(t *testing.T) {
			verdict, err := Judge(one.script, object)
			if one.failure == "" && (err != nil || verdict.Status != one.status) {
				t.Fatalf("got %v, %v", verdict, err)
			}
			if one.failure != "" && (err == nil || !strings.Contains(err.Error(), one.failure)) {
				t.Fatalf("got %v", err)
			}
		})
	}
}
