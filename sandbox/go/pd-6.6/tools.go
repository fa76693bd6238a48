//go:build tools

// Package tools pins the older PD of the compatibility matrix: the 6.6 line.
package tools

import _ "github.com/tikv/pd/cmd/pd-server"
