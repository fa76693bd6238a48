//go:build tools

// Package tools pins the PD that the sandbox runs: the 8.1 line.
package tools

import _ "github.com/tikv/pd/cmd/pd-server"
