package region

import (
	"bytes"
	"math/rand"
	"testing"

	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"
)

func between(start, end string) Region {
	r := regionOf(three...)
	r.Start, r.End, r.SizeMB, r.Keys = []byte(start), []byte(end), 90, 900
	return r
}

func splitIDs(ids ...uint64) []*pdpb.SplitID {
	all := make([]*pdpb.SplitID, 0, len(ids))
	for _, id := range ids {
		all = append(all, &pdpb.SplitID{NewRegionId: id, NewPeerIds: []uint64{id + 1, id + 2, id + 3}})
	}
	return all
}

func useKeys(keys ...string) *pdpb.SplitRegion {
	command := &pdpb.SplitRegion{Policy: pdpb.CheckPolicy_USEKEY}
	for _, key := range keys {
		command.Keys = append(command.Keys, []byte(key))
	}
	return command
}

func TestSplitKeys(t *testing.T) {
	cases := []struct {
		why     string
		command *pdpb.SplitRegion
		want    []string
	}{
		{"given keys, in order and once each", useKeys("m", "d", "m"), []string{"d", "m"}},
		{"only those inside, the borders are not", useKeys("a", "b", "z", "zz"), []string{"b"}},
		{"useless keys cut nothing (P08)", useKeys("A", "a", "z"), nil},
		{"no keys cut nothing", useKeys(), nil},
	}
	for _, c := range cases {
		r := between("a", "z")
		got, refusal := r.SplitKeys(r.Epoch, c.command)
		if (refusal == UselessKeys) != (c.want == nil) || len(got) != len(c.want) {
			t.Errorf("%s: %q, %q", c.why, got, refusal)
			continue
		}
		for i, key := range c.want {
			if string(got[i]) != key {
				t.Errorf("%s: %q", c.why, got)
			}
		}
	}
	r := between("a", "z")
	if _, refusal := r.SplitKeys(Epoch{5, 8}, useKeys("m")); refusal != StaleEpoch {
		t.Errorf("an old version: %q", refusal)
	}
	for _, policy := range []pdpb.CheckPolicy{pdpb.CheckPolicy_SCAN, pdpb.CheckPolicy_APPROXIMATE} {
		keys, refusal := r.SplitKeys(r.Epoch, &pdpb.SplitRegion{Policy: policy})
		if refusal != Accepted || len(keys) != 1 || !r.Contains(keys[0]) {
			t.Errorf("%s: %q %q", policy, keys, refusal)
		}
	}
}

// Every part gets version + number of new regions; the old id keeps the rightmost part; peer ids
// come in the order of the parent's peers and the leader stays on its store.
func TestSplitAt(t *testing.T) {
	r := between("a", "z")
	r.Leader = 102
	got, refusal := r.SplitAt(r.Epoch, [][]byte{[]byte("f"), []byte("p")}, splitIDs(200, 300))
	if refusal != Accepted {
		t.Fatal(refusal)
	}
	want := Epoch{ConfVer: 5, Version: 11}
	parts := append(got.Created, got.Next)
	for i, c := range []struct {
		id, leader uint64
		start, end string
	}{{200, 202, "a", "f"}, {300, 302, "f", "p"}, {7, 102, "p", "z"}} {
		part := parts[i]
		if part.ID != c.id || part.Leader != c.leader || part.Epoch != want ||
			string(part.Start) != c.start || string(part.End) != c.end || part.SizeMB != 30 {
			t.Errorf("part %d: %+v", i, part)
		}
		if part.LeaderStore() != 2 {
			t.Errorf("part %d is led by store %d", i, part.LeaderStore())
		}
	}
	if _, refusal := got.Next.SplitAt(r.Epoch, [][]byte{[]byte("q")}, splitIDs(400)); refusal != StaleEpoch {
		t.Errorf("a repeat: %q", refusal)
	}
	if _, refusal := r.SplitAt(r.Epoch, [][]byte{[]byte("q")}, nil); refusal != Unsupported {
		t.Errorf("without ids: %q", refusal)
	}
}

func TestMerge(t *testing.T) {
	left, right := between("a", "m"), between("m", "z")
	right.ID, right.Epoch = 8, Epoch{ConfVer: 4, Version: 20}
	for i := range right.Peers {
		right.Peers[i].ID += 100
	}
	right.Leader = 201
	got, refusal := left.MergeInto(left.Epoch, right.Meta(), right, viewOf())
	if refusal != Accepted || got.Gone != 7 || got.Next.ID != 8 {
		t.Fatalf("%q %+v", refusal, got)
	}
	if want := (Epoch{ConfVer: 4, Version: 21}); got.Next.Epoch != want {
		t.Errorf("epoch %+v: version is max + 1 and conf_ver stays", got.Next.Epoch)
	}
	if string(got.Next.Start) != "a" || string(got.Next.End) != "z" || got.Next.SizeMB != 180 {
		t.Errorf("the target covers %q..%q with %d MB", got.Next.Start, got.Next.End, got.Next.SizeMB)
	}
	backwards, refusal := right.MergeInto(right.Epoch, left.Meta(), left, viewOf())
	if refusal != Accepted || string(backwards.Next.Start) != "a" || string(backwards.Next.End) != "z" ||
		backwards.Next.Epoch.Version != 21 {
		t.Errorf("into the left neighbour: %q %+v", refusal, backwards.Next)
	}

	refused := func(why string, want Refusal, source, target Region, expected *metapb.Region, asked Epoch, dead ...uint64) {
		t.Helper()
		if _, refusal := source.MergeInto(asked, expected, target, viewOf(dead...)); refusal != want {
			t.Errorf("%s: %q, want %q", why, refusal, want)
		}
	}
	refused("an old source epoch", StaleEpoch, left, right, right.Meta(), Epoch{5, 8})
	newer := right
	newer.Epoch.Version++
	refused("a target that split since", StaleEpoch, left, newer, right.Meta(), left.Epoch)
	far := right
	far.Start = []byte("n")
	refused("a gap between them", NotAdjacent, left, far, far.Meta(), left.Epoch)
	elsewhere := right.clone()
	elsewhere.Peers[2].Store = 4
	refused("peers elsewhere", PeersDiffer, left, elsewhere, elsewhere.Meta(), left.Epoch)
	joint := right.clone()
	joint.Peers[2].Role = demoting
	refused("a target in joint state", InJointState, left, joint, joint.Meta(), left.Epoch)
	refused("no quorum", NoQuorum, left, right, right.Meta(), left.Epoch, 2, 3)
	ends := between("z", "")
	begins := between("", "a")
	refused("the two ends of the key space are not neighbours", NotAdjacent,
		ends, begins, begins.Meta(), ends.Epoch)
}

func TestKeysSurviveEncoding(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	var previousRaw, previous []byte
	for range 2000 {
		raw := make([]byte, random.Intn(20))
		random.Read(raw)
		encoded := EncodeKey(raw)
		if decoded, ok := DecodeKey(encoded); !ok || !bytes.Equal(decoded, raw) {
			t.Fatalf("%x became %x", raw, decoded)
		}
		if bytes.Compare(raw, previousRaw) != bytes.Compare(encoded, previous) && previous != nil {
			t.Fatalf("order of %x and %x is lost", raw, previousRaw)
		}
		previousRaw, previous = raw, encoded
	}
	for _, bad := range [][]byte{nil, []byte("short"), []byte("12345678\x00")} {
		if _, ok := DecodeKey(bad); ok {
			t.Errorf("%x is not an encoded key", bad)
		}
	}
}

// PD's own value for the default keyspace (pkg/keyspace/util_test.go of PD spells them so).
func TestKeyspaceBorders(t *testing.T) {
	raw, txn := KeyspaceBorders()
	want := []byte{'r', 0, 0, 0, 0, 0, 0, 0, 251}
	if !bytes.Equal(raw[0], want) {
		t.Errorf("raw border %x", raw[0])
	}
	want = []byte{'x', 0, 0, 1, 0, 0, 0, 0, 251}
	if !bytes.Equal(txn[1], want) {
		t.Errorf("txn border %x", txn[1])
	}
}

func TestMiddleKeyLiesBetween(t *testing.T) {
	random := rand.New(rand.NewSource(2))
	for range 5000 {
		start, end := make([]byte, random.Intn(12)), make([]byte, 1+random.Intn(12))
		random.Read(start)
		random.Read(end)
		if random.Intn(2) == 0 {
			start, end = EncodeKey(start), EncodeKey(end)
		}
		if bytes.Compare(start, end) >= 0 {
			start, end = end, nil
		}
		r := Region{Start: start, End: end}
		if middle := MiddleKey(start, end); !r.Contains(middle) {
			t.Fatalf("%x is not between %x and %x", middle, start, end)
		}
	}
}

// A region can be halved again and again, which a test that splits in a loop does.
func TestMiddleKeyCanBeRepeated(t *testing.T) {
	start, end := TableKey(100, 1), TableKey(100, 2)
	for range 100 {
		middle := MiddleKey(start, end)
		r := Region{Start: start, End: end}
		if !r.Contains(middle) {
			t.Fatalf("%x is not between %x and %x", middle, start, end)
		}
		if _, ok := DecodeKey(middle); !ok {
			t.Fatalf("%x is no longer in PD's encoding", middle)
		}
		end = middle
	}
}
