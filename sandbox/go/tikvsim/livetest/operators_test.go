//go:build live

package livetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"assent.tikv.org/sandbox/tikvsim/effect"
	"assent.tikv.org/sandbox/tikvsim/region"
	"assent.tikv.org/sandbox/tikvsim/sim"
)

// still keeps PD's own schedulers and checkers from undoing what a test orders (P21).
func (c *cluster) still() {
	c.t.Helper()
	pause := object{"delay": 3600}
	paths := []string{"/schedulers/all"}
	for _, checker := range []string{"learner", "replica", "rule", "split", "merge", "joint-state"} {
		paths = append(paths, "/checker/"+checker)
	}
	for _, path := range paths {
		if status := c.pd("POST", path, pause, nil); status != 200 {
			c.t.Fatalf("pause %s: %d", path, status)
		}
	}
}

func (c *cluster) operate(body object) {
	c.t.Helper()
	var answer any
	if status := c.pd("POST", "/operators", body, &answer); status != 200 {
		c.t.Fatalf("%v: %d %v", body, status, answer)
	}
}

// ends waits for a region's operator to end so.
func (c *cluster) ends(id uint64, want string) {
	c.t.Helper()
	eventually(c.t, 30*time.Second, "operator ends "+want, func() error {
		var text string
		c.pd("GET", fmt.Sprintf("/operators/%d", id), nil, &text)
		if !strings.HasPrefix(text, "status: "+want) {
			return fmt.Errorf("%s", text)
		}
		return nil
	})
}

func (c *cluster) region(id uint64) sim.RegionState {
	c.t.Helper()
	var state sim.RegionState
	c.order("GET", fmt.Sprintf("/region/%d", id), nil, &state)
	return state
}

func (c *cluster) regions() []sim.RegionState {
	c.t.Helper()
	var states []sim.RegionState
	c.order("GET", "/regions?limit=0", nil, &states)
	slices.SortFunc(states, func(a, b sim.RegionState) int {
		return strings.Compare(a.StartKey, b.StartKey)
	})
	return states
}

// agree checks that PD sees a region as the stores do.
func (c *cluster) agree(id uint64) {
	c.t.Helper()
	eventually(c.t, 10*time.Second, "PD agrees with the stores", func() error {
		want := c.region(id)
		var seen struct {
			StartKey string       `json:"start_key"`
			EndKey   string       `json:"end_key"`
			Epoch    region.Epoch `json:"epoch"`
			Leader   struct {
				ID uint64 `json:"id"`
			} `json:"leader"`
			Peers []struct {
				ID uint64 `json:"id"`
			} `json:"peers"`
		}
		c.pd("GET", fmt.Sprintf("/region/id/%d", id), nil, &seen)
		if !strings.EqualFold(seen.StartKey, want.StartKey) ||
			!strings.EqualFold(seen.EndKey, want.EndKey) || seen.Epoch != want.Epoch ||
			seen.Leader.ID != want.LeaderPeer || len(seen.Peers) != len(want.Peers) {
			return fmt.Errorf("PD has %+v, the stores %+v", seen, want)
		}
		return nil
	})
}

func (c *cluster) kinds(id uint64) []region.Kind {
	c.t.Helper()
	var kinds []region.Kind
	for _, line := range lines[effect.Line](c.t, c.effectsPath()) {
		if line.Region == id {
			kinds = append(kinds, line.Kind)
		}
	}
	return kinds
}

func stores(state sim.RegionState) []uint64 {
	ids := make([]uint64, 0, len(state.Peers))
	for _, peer := range state.Peers {
		ids = append(ids, peer.Store)
	}
	slices.Sort(ids)
	return ids
}

func follower(state sim.RegionState) uint64 {
	for _, peer := range state.Peers {
		if peer.Store != state.LeaderStore {
			return peer.Store
		}
	}
	return 0
}

func absent(state sim.RegionState) uint64 {
	for id := uint64(1); id <= 4; id++ {
		if !slices.Contains(stores(state), id) {
			return id
		}
	}
	return 0
}

func (c *cluster) quietAbout(why string) {
	c.t.Helper()
	var status sim.Status
	c.order("GET", "/status", nil, &status)
	for refusal, count := range status.Refusals {
		if strings.HasPrefix(refusal, "heartbeat/") {
			c.t.Errorf("%s: PD refused %d heartbeats (%s)", why, count, refusal)
		}
	}
}

// Every operator that PD's API can create is carried out, once, with the epochs PD expects.
func TestOperatorsSucceed(t *testing.T) {
	c := newCluster(t, 1, "-regions", "40", "-snapshot-delay", "300ms")
	c.still()
	all := c.regions()

	t.Run("transfer-leader", func(t *testing.T) {
		r := all[10]
		target := follower(r)
		c.operate(object{"name": "transfer-leader", "region_id": r.ID, "to_store_id": target})
		c.ends(r.ID, "SUCCESS")
		after := c.region(r.ID)
		if after.LeaderStore != target || after.Epoch != r.Epoch || after.Term != r.Term+1 {
			t.Errorf("%+v", after)
		}
		c.wantKinds(t, r.ID, region.TransferLeader)
	})
	t.Run("add-peer and remove-peer", func(t *testing.T) {
		r := all[11]
		target := absent(r)
		c.operate(object{"name": "add-peer", "region_id": r.ID, "store_id": target})
		c.ends(r.ID, "SUCCESS")
		added := c.region(r.ID)
		if !slices.Contains(stores(added), target) || added.Epoch.ConfVer != r.Epoch.ConfVer+2 {
			t.Errorf("%+v", added)
		}
		c.agree(r.ID)
		c.operate(object{"name": "remove-peer", "region_id": r.ID, "store_id": target})
		eventually(t, 20*time.Second, "the peer is gone", func() error {
			if got := stores(c.region(r.ID)); slices.Contains(got, target) {
				return fmt.Errorf("stores %v", got)
			}
			return nil
		})
		c.ends(r.ID, "SUCCESS")
		c.wantKinds(t, r.ID, region.AddPeer, region.Promote, region.RemovePeer)
	})
	t.Run("add-learner", func(t *testing.T) {
		r := all[12]
		c.operate(object{"name": "add-learner", "region_id": r.ID, "store_id": absent(r)})
		c.ends(r.ID, "SUCCESS")
		c.wantKinds(t, r.ID, region.AddPeer)
	})
	t.Run("transfer-peer of a follower, by joint consensus", func(t *testing.T) {
		r := all[13]
		c.operate(object{"name": "transfer-peer", "region_id": r.ID,
			"from_store_id": follower(r), "to_store_id": absent(r)})
		c.ends(r.ID, "SUCCESS")
		after := c.region(r.ID)
		if slices.Contains(stores(after), follower(r)) || len(after.Peers) != 3 ||
			after.Epoch.ConfVer != r.Epoch.ConfVer+6 {
			t.Errorf("%+v", after)
		}
		c.agree(r.ID)
		c.wantKinds(t, r.ID, region.AddPeer, region.EnterJoint, region.LeaveJoint, region.RemovePeer)
	})
	t.Run("transfer-peer of the leader", func(t *testing.T) {
		r := all[14]
		c.operate(object{"name": "transfer-peer", "region_id": r.ID,
			"from_store_id": r.LeaderStore, "to_store_id": absent(r)})
		c.ends(r.ID, "SUCCESS")
		if after := c.region(r.ID); slices.Contains(stores(after), r.LeaderStore) {
			t.Errorf("%+v", after)
		}
		c.agree(r.ID)
	})
	t.Run("transfer-region to other stores with another leader", func(t *testing.T) {
		r := all[15]
		target := []uint64{absent(r), follower(r), r.LeaderStore}
		c.operate(object{"name": "transfer-region", "region_id": r.ID,
			"to_store_ids": target, "peer_roles": []string{"leader", "voter", "voter"}})
		c.ends(r.ID, "SUCCESS")
		if after := c.region(r.ID); after.LeaderStore != target[0] || len(after.Peers) != 3 {
			t.Errorf("%+v", after)
		}
		c.agree(r.ID)
	})
	for _, policy := range []string{"approximate", "scan"} {
		t.Run("split-region by "+policy, func(t *testing.T) {
			r := all[16]
			if policy == "scan" {
				r = all[17]
			}
			c.operate(object{"name": "split-region", "region_id": r.ID, "policy": policy})
			c.ends(r.ID, "SUCCESS")
			after := c.region(r.ID)
			if after.Epoch.Version != r.Epoch.Version+1 || after.EndKey != r.EndKey ||
				after.StartKey == r.StartKey {
				t.Errorf("%+v", after)
			}
			c.agree(r.ID)
			c.wantKinds(t, r.ID, region.Split)
		})
	}
	t.Run("split-region at two keys", func(t *testing.T) {
		r := all[18]
		c.operate(object{"name": "split-region", "region_id": r.ID, "policy": "usekey",
			"keys": []string{r.StartKey + "aa", r.StartKey + "bb"}})
		c.ends(r.ID, "SUCCESS")
		after := c.region(r.ID)
		if after.Epoch.Version != r.Epoch.Version+2 || after.StartKey != r.StartKey+"bb" {
			t.Errorf("%+v", after)
		}
		c.agree(r.ID)
	})
	t.Run("merge-region: the target's operator succeeds", func(t *testing.T) {
		source, target := all[20], all[21]
		c.operate(object{"name": "merge-region", "source_region_id": source.ID,
			"target_region_id": target.ID})
		c.ends(target.ID, "SUCCESS")
		after := c.region(target.ID)
		if after.StartKey != source.StartKey || after.EndKey != target.EndKey ||
			after.SizeMB != source.SizeMB+target.SizeMB {
			t.Errorf("%+v", after)
		}
		if status, _ := request("GET", fmt.Sprintf("%s/region/%d", c.control, source.ID), nil, nil); status != 404 {
			t.Errorf("the source answers %d", status)
		}
		c.agree(target.ID)
	})
	t.Run("scatter-region", func(t *testing.T) {
		for _, r := range all[24:34] {
			c.operate(object{"name": "scatter-region", "region_id": r.ID, "group": "live"})
		}
		eventually(t, 30*time.Second, "no operator is left", func() error {
			var running []string
			c.pd("GET", "/operators", nil, &running)
			if len(running) > 0 {
				return fmt.Errorf("%v", running)
			}
			return nil
		})
		for _, r := range all[24:34] {
			c.agree(r.ID)
		}
	})
	c.quietAbout("after all operators")
}

func (c *cluster) wantKinds(t *testing.T, id uint64, want ...region.Kind) {
	t.Helper()
	if got := c.kinds(id); !slices.Equal(got, want) {
		t.Errorf("effects %v, want %v", got, want)
	}
}
