// Command coredns is CoreDNS with only the plugins that the cluster's Corefile names, so that it builds in seconds.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/ready"
)

// The order of the chain, as in CoreDNS's plugin.cfg.
func init() {
	dnsserver.Directives = []string{"health", "ready", "errors", "cache", "loop", "kubernetes", "forward"}
}

func main() { coremain.Run() }
