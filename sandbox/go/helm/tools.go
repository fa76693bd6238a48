//go:build tools

// Package tools pins the helm that installs and removes the chart in the tests.
package tools

import _ "helm.sh/helm/v4/cmd/helm"
