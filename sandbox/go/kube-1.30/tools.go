//go:build tools

// Package tools pins the oldest Kubernetes API server that Assent is tried on.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
