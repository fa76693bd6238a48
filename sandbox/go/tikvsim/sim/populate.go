package sim

import (
	"bytes"
	"slices"
	"time"

	"github.com/pingcap/kvproto/pkg/metapb"

	"assent.tikv.org/sandbox/tikvsim/region"
)

// Layout says what a fresh cluster looks like.
type Layout struct {
	Stores   int
	Regions  int
	Replicas int
	SizeMB   uint64
	Keys     uint64
}

// LeastRegions is how many regions the borders of the default keyspace alone make. With fewer PD
// would ask for splits at once.
const LeastRegions = 5

// borders gives the keys between the regions, in order: keyspace borders and rows of one table.
func borders(regions int) [][]byte {
	raw, txn := region.KeyspaceBorders()
	keys := append(raw[:], txn[:]...)
	const table, rowsPerRegion = 100, 10_000
	for i := range regions - LeastRegions {
		keys = append(keys, region.TableKey(table, int64(i)*rowsPerRegion))
	}
	slices.SortFunc(keys, bytes.Compare)
	return keys
}

// idCount is how many ids layout takes from PD beside those of the stores: one for each region
// and each peer.
func (l Layout) idCount() int { return l.Regions * (1 + l.replicas()) }

func (l Layout) replicas() int { return min(l.Replicas, l.Stores) }

// build cuts the key space and spreads replicas and leaders evenly. ids must hold idCount ids, the
// first two being those of the bootstrapped region and its peer on the first store.
func (l Layout) build(stores, ids []uint64, term uint64) []region.Region {
	replicas := l.replicas()
	keys := borders(l.Regions)
	regions := make([]region.Region, l.Regions)
	start := []byte{}
	for i := range regions {
		own := ids[i*(1+replicas) : (i+1)*(1+replicas)]
		r := region.Region{
			ID: own[0], Start: start, Leader: own[1], Term: term,
			// As after l.Regions-1 splits of the first region and replicas-1 added peers, each
			// of them added as a learner and promoted.
			Epoch:  region.Epoch{ConfVer: uint64(1 + 2*(replicas-1)), Version: uint64(l.Regions)},
			SizeMB: l.SizeMB, Keys: l.Keys,
		}
		if i < len(keys) {
			r.End = keys[i]
			start = keys[i]
		}
		for j := range replicas {
			r.Peers = append(r.Peers, region.Peer{
				ID: own[1+j], Store: stores[(i+l.stride(i, j))%len(stores)],
				Role: metapb.PeerRole_Voter,
			})
		}
		regions[i] = r
	}
	return regions
}

// stride varies which stores follow a leader, so that a dead store's leaders spread over all.
func (l Layout) stride(i, j int) int {
	if j == 0 || l.Stores == l.replicas() {
		return j
	}
	round := i / l.Stores
	return 1 + (round+j-1)%(l.Stores-1)
}

// term gives a first Raft term that is above that of any earlier run on the same PD, which keeps
// the last term and calls lower ones stale.
func term(now time.Time) uint64 { return uint64(now.Unix()) }
