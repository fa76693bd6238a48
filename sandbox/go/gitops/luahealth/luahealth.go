// Package luahealth runs a health script as Argo CD does: in gopher-lua, with the libraries that
// Argo CD opens for scripts of its users, and no more (argo-cd util/lua/lua.go, runLua).
package luahealth

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

// Timeout is how long Argo CD lets a script run.
const Timeout = time.Second

// Verdict is what Argo CD shows of an object.
type Verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

var known = map[string]bool{
	"Healthy": true, "Suspended": true, "Progressing": true,
	"Missing": true, "Degraded": true, "Unknown": true,
}

// Judge runs the script on the object. An error is what Argo CD shows as a ComparisonError.
func Judge(script string, object map[string]any) (Verdict, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
	} {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return Verdict{}, err
		}
	}
	limit, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	state.SetContext(limit)
	state.SetGlobal("obj", value(state, object))
	if err := state.DoString(script); err != nil {
		return Verdict{}, err
	}
	returned := state.Get(-1)
	if returned.Type() != lua.LTTable {
		return Verdict{}, fmt.Errorf("the script returned %s, not a table", returned.Type())
	}
	text, err := luajson.Encode(returned)
	if err != nil {
		return Verdict{}, err
	}
	var verdict Verdict
	if err := json.Unmarshal(text, &verdict); err != nil {
		return Verdict{}, err
	}
	if !known[verdict.Status] {
		return Verdict{}, fmt.Errorf("%q is no health status of Argo CD", verdict.Status)
	}
	return verdict, nil
}

// value turns decoded JSON into Lua: what is null is absent, as in Argo CD.
func value(state *lua.LState, from any) lua.LValue {
	switch one := from.(type) {
	case bool:
		return lua.LBool(one)
	case float64:
		return lua.LNumber(one)
	case int64:
		return lua.LNumber(one)
	case string:
		return lua.LString(one)
	case []any:
		table := state.CreateTable(len(one), 0)
		for _, item := range one {
			table.Append(value(state, item))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(one))
		for name, item := range one {
			table.RawSetString(name, value(state, item))
		}
		return table
	}
	return lua.LNil
}
