//go:build live

package livetest

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"assent.tikv.org/sandbox/tikvsim/effect"
	"assent.tikv.org/sandbox/tikvsim/proxy"
	"assent.tikv.org/sandbox/tikvsim/sim"
)

func (c *cluster) leadersOn(id uint64) int {
	c.t.Helper()
	var states []sim.StoreState
	c.order("GET", "/stores", nil, &states)
	for _, state := range states {
		if state.ID == id {
			return state.LeaderCount
		}
	}
	c.t.Fatalf("no store %d", id)
	return 0
}

// pdLeaders gives PD's own count.
func (c *cluster) pdLeaders(id uint64) int {
	var seen struct {
		Status struct {
			LeaderCount int `json:"leader_count"`
		} `json:"status"`
	}
	c.pd("GET", fmt.Sprintf("/store/%d", id), nil, &seen)
	return seen.Status.LeaderCount
}

// An evict-leader scheduler drains the store; removed, leaders return.
func TestEvictLeaderDrainsAStore(t *testing.T) {
	c := newCluster(t, 1, "-regions", "200")
	c.pd("POST", "/schedulers", object{"name": "evict-leader-scheduler", "store_id": 2}, nil)
	eventually(t, time.Minute, "store 2 leads nothing", func() error {
		if here, there := c.leadersOn(2), c.pdLeaders(2); here+there > 0 {
			return fmt.Errorf("%d leaders, PD sees %d", here, there)
		}
		return nil
	})
	c.pd("DELETE", "/schedulers/evict-leader-scheduler-2", nil, nil)
	eventually(t, time.Minute, "store 2 leads again", func() error {
		if got := c.pdLeaders(2); got < 40 {
			return fmt.Errorf("%d leaders", got)
		}
		return nil
	})
	c.quietAbout("after draining")
}

// A dead store's leaders are elected elsewhere at once; after max-store-down-time PD replaces its
// replicas; and it can come back.
func TestPDRepairsADeadStore(t *testing.T) {
	c := newCluster(t, 1, "-regions", "60", "-store-heartbeat", "2s")
	c.pd("POST", "/config", object{"max-store-down-time": "12s"}, nil)
	c.order("POST", "/stores/3/stop", nil, nil)
	if got := c.leadersOn(3); got != 0 {
		t.Fatalf("the dead store leads %d regions", got)
	}
	eventually(t, 2*time.Minute, "no replica is left on the dead store", func() error {
		for _, r := range c.regions() {
			if slices.Contains(stores(r), 3) || len(r.Peers) != 3 {
				return fmt.Errorf("region %d has %v", r.ID, stores(r))
			}
		}
		return nil
	})
	elections := 0
	for _, line := range lines[effect.Line](t, c.effectsPath()) {
		if line.Cause == effect.ByElection {
			elections++
		}
	}
	if elections != 15 {
		t.Errorf("%d elections, the store led 15 of 60 regions", elections)
	}
	c.order("POST", "/stores/3/start", nil, nil)
	eventually(t, 2*time.Minute, "PD moves replicas and leaders back", func() error {
		if got := c.pdLeaders(3); got == 0 {
			return fmt.Errorf("it leads nothing")
		}
		return nil
	})
	c.quietAbout("after repair")
}

// A hung store answers PD but does nothing; a full and a hot one show as such.
func TestFaultsAsPDSeesThem(t *testing.T) {
	// With faster store heartbeats PD takes minutes to call a read flow hot; with its own
	// threshold of 3 it takes three minutes anyway.
	c := newCluster(t, 1, "-regions", "100")
	c.still()
	c.pd("POST", "/config/schedule", object{"hot-region-cache-hits-threshold": 0}, nil)
	var led sim.RegionState
	for _, r := range c.regions() {
		if r.LeaderStore == 1 {
			led = r
		}
	}
	c.order("POST", "/stores/1/hang", nil, nil)
	c.operate(object{"name": "transfer-leader", "region_id": led.ID, "to_store_id": follower(led)})
	eventually(t, 20*time.Second, "the hung store ignored a command", func() error {
		var status sim.Status
		c.order("GET", "/status", nil, &status)
		if status.Refusals["transfer_leader/store_hung"] < 2 {
			return fmt.Errorf("%v", status.Refusals)
		}
		return nil
	})
	if after := c.region(led.ID); after.LeaderStore != 1 {
		t.Errorf("the hung store moved its leader: %+v", after)
	}
	c.order("POST", "/stores/1/hang", object{"off": true}, nil)
	c.ends(led.ID, "SUCCESS")

	c.order("POST", "/stores/2/fill", nil, nil)
	c.order("POST", "/stores/4/heat", nil, nil)
	eventually(t, 30*time.Second, "PD sees the full store", func() error {
		var seen struct {
			Status struct {
				Available string `json:"available"`
			} `json:"status"`
		}
		c.pd("GET", "/store/2", nil, &seen)
		if seen.Status.Available != "6GiB" {
			return fmt.Errorf("available %s", seen.Status.Available)
		}
		return nil
	})
	for _, kind := range []string{"read", "write"} {
		eventually(t, time.Minute, "PD sees the hot store: "+kind, func() error {
			var hot struct {
				AsLeader map[string]struct {
					Count int `json:"regions_count"`
				} `json:"as_leader"`
			}
			c.pd("GET", "/hotspot/regions/"+kind, nil, &hot)
			if hot.AsLeader["4"].Count == 0 {
				return fmt.Errorf("%+v", hot)
			}
			return nil
		})
	}
}

// Started again on the same PD, the stores take over what PD remembers.
func TestStoresAreTakenOver(t *testing.T) {
	c := newCluster(t, 1, "-regions", "50")
	c.still()
	before := c.regions()
	c.sim.end(syscall.SIGTERM)
	if code := c.sim.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("SIGTERM: exit %d", code)
	}
	c.startStores()
	after := c.regions()
	if len(after) != len(before) {
		t.Fatalf("%d regions, %d before", len(after), len(before))
	}
	for i, r := range after {
		if r.ID != before[i].ID || r.Epoch != before[i].Epoch || r.LeaderPeer != before[i].LeaderPeer {
			t.Errorf("%+v, before %+v", r, before[i])
		}
	}
	r := after[10]
	c.operate(object{"name": "transfer-leader", "region_id": r.ID, "to_store_id": follower(r)})
	c.ends(r.ID, "SUCCESS")
}

// Three members hand out their proxies; a forwarded write stands in both journals; the stores
// follow a leader that dies and one that resigns.
func TestThreeMembersBehindProxies(t *testing.T) {
	c := newCluster(t, 3, "-regions", "50")
	var answer struct {
		Members []struct {
			Name       string   `json:"name"`
			ClientURLs []string `json:"client_urls"`
		} `json:"members"`
	}
	c.pd("GET", "/members", nil, &answer)
	for _, seen := range answer.Members {
		for _, m := range c.members {
			if m.name == seen.Name && !slices.Equal(seen.ClientURLs, []string{m.url}) {
				t.Errorf("%s advertises %v, its proxy is %s", seen.Name, seen.ClientURLs, m.url)
			}
		}
	}
	leader, err := c.leader()
	must(t, err)
	var through *member
	for _, m := range c.members {
		if m != leader {
			through = m
		}
	}
	status, err := request("POST", through.url+"/pd/api/v1/config/schedule",
		object{"leader-schedule-limit": 5}, nil)
	if err != nil || status != 200 {
		t.Fatalf("write through a follower: %d %v", status, err)
	}
	writes := func(m *member) (found []proxy.Entry) {
		for _, entry := range lines[proxy.Entry](t, m.journal) {
			if entry.Path == "/pd/api/v1/config/schedule" {
				found = append(found, entry)
			}
		}
		return found
	}
	direct, forwarded := writes(through), writes(leader)
	if len(direct) != 1 || len(forwarded) != 1 || direct[0].Redirector != "" ||
		forwarded[0].Redirector != through.name || forwarded[0].Body != direct[0].Body {
		t.Errorf("at the follower %+v, at the leader %+v", direct, forwarded)
	}

	leader.pd.end(syscall.SIGKILL)
	eventually(t, time.Minute, "another member leads and schedules", func() error {
		now, err := c.leader()
		if err != nil || now == leader {
			return fmt.Errorf("no new leader: %v", err)
		}
		var schedulers []string
		if c.pd("GET", "/schedulers", nil, &schedulers); len(schedulers) == 0 {
			return fmt.Errorf("no schedulers yet")
		}
		return nil
	})
	if _, err := request("GET", leader.url+"/pd/api/v1/ping", nil, nil); err == nil {
		t.Error("the proxy of a dead member answers")
	}
	c.still()
	r := c.regions()[10]
	c.operate(object{"name": "transfer-leader", "region_id": r.ID, "to_store_id": follower(r)})
	c.ends(r.ID, "SUCCESS")
	c.quietAbout("after a leader change")
}
