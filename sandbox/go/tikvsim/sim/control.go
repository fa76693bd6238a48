package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const bodyLimit = 1 << 20

// badRequest is an order that makes no sense; its text goes to the caller with status 400.
type badRequest struct{ why string }

func (e badRequest) Error() string { return e.why }

var errUnknown = errors.New("not found")

// Control gives the HTTP interface by which tests look at the stores and break them. run is the
// context of the stores, shutdown ends the program.
func (s *Simulation) Control(run context.Context, shutdown func()) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, serve func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
			answer(w, r, serve)
		})
	}
	handle("GET /status", func(*http.Request) (any, error) { return s.status(), nil })
	handle("GET /stores", func(*http.Request) (any, error) {
		return s.world.storeStates(time.Now()), nil
	})
	handle("GET /regions", s.getRegions)
	handle("GET /region/{id}", s.getRegion)
	handle("GET /regions/{id}", s.getRegion)
	handle("POST /regions/{id}", s.postRegion)
	handle("GET /commands", s.getCommands)
	handle("DELETE /commands", func(*http.Request) (any, error) {
		return map[string]int{"dropped": s.world.dropDelayed()}, nil
	})
	handle("POST /stores/{id}/{fault}", func(r *http.Request) (any, error) {
		return s.postFault(run, r)
	})
	handle("GET /settings", func(*http.Request) (any, error) { return s.status().Settings, nil })
	handle("POST /settings", s.postSettings)
	handle("POST /leaders/move", s.postMove)
	handle("POST /shutdown", func(*http.Request) (any, error) {
		shutdown()
		return map[string]bool{"stopping": true}, nil
	})
	return mux
}

func answer(w http.ResponseWriter, r *http.Request, serve func(*http.Request) (any, error)) {
	result, err := serve(r)
	status := http.StatusOK
	var bad badRequest
	switch {
	case errors.As(err, &bad):
		status, result = http.StatusBadRequest, map[string]string{"error": err.Error()}
	case err != nil:
		status, result = http.StatusNotFound, map[string]string{"error": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The caller may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(result)
}

// decode reads a JSON body into target, which keeps its values where the body has none. An empty
// body is an empty object; unknown fields are errors.
func decode(r *http.Request, target any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil && !errors.Is(err, io.EOF) {
		return badRequest{fmt.Sprintf("body: %v", err)}
	}
	return nil
}

func pathID(r *http.Request) (uint64, error) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0, badRequest{"the id is not a number"}
	}
	return id, nil
}

func (s *Simulation) status() Status {
	s.mu.Lock()
	ready := s.ready
	s.mu.Unlock()
	return s.world.status(ready)
}

func (s *Simulation) getRegions(r *http.Request) (any, error) {
	limit, after := 100, uint64(0)
	var err error
	if text := r.URL.Query().Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 0 {
			return nil, badRequest{"limit is not a number"}
		}
	}
	if text := r.URL.Query().Get("after"); text != "" {
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			return nil, badRequest{"after is not a region id"}
		}
	}
	return s.world.regionStates(after, limit, time.Now()), nil
}

func (s *Simulation) getRegion(r *http.Request) (any, error) {
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	state, found := s.world.regionByID(id, time.Now())
	if !found {
		return nil, errUnknown
	}
	return state, nil
}

// RegionOrder is the body of POST /regions/{id}; what is left out stays.
type RegionOrder struct {
	SizeMB     *uint64 `json:"size_mb"`
	Keys       *uint64 `json:"keys"`
	WriteBytes *uint64 `json:"write_bytes_per_second"`
	WriteKeys  *uint64 `json:"write_keys_per_second"`
	ReadBytes  *uint64 `json:"read_bytes_per_second"`
	ReadKeys   *uint64 `json:"read_keys_per_second"`
}

func (s *Simulation) postRegion(r *http.Request) (any, error) {
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	var order RegionOrder
	if err := decode(r, &order); err != nil {
		return nil, err
	}
	if !s.world.setRegion(id, order) {
		return nil, errUnknown
	}
	return s.getRegion(r)
}

func (w *World) setRegion(id uint64, order RegionOrder) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.regions[id]
	if r == nil {
		return false
	}
	next, flow := r.Region, r.flow
	for field, value := range map[*uint64]*uint64{
		&next.SizeMB: order.SizeMB, &next.Keys: order.Keys,
		&flow.WriteBytes: order.WriteBytes, &flow.WriteKeys: order.WriteKeys,
		&flow.ReadBytes: order.ReadBytes, &flow.ReadKeys: order.ReadKeys,
	} {
		if value != nil {
			*field = *value
		}
	}
	w.put(r, next)
	w.setFlow(id, flow)
	return true
}

func (s *Simulation) postSettings(r *http.Request) (any, error) {
	s.world.mu.Lock()
	wanted := s.world.settings
	s.world.mu.Unlock()
	wanted.TransferRefuse = append([]uint64(nil), wanted.TransferRefuse...)
	wanted.JointRefuse = append([]uint64(nil), wanted.JointRefuse...)
	if err := decode(r, &wanted); err != nil {
		return nil, err
	}
	if wanted.SnapshotDelayMS < 0 || wanted.CommandDelayMS < 0 || wanted.DownSecondsFactor <= 0 {
		return nil, badRequest{"delays must be 0 or more, down_seconds_factor more than 0"}
	}
	s.world.mu.Lock()
	s.world.settings = wanted
	s.world.mu.Unlock()
	return wanted, nil
}

// MoveOrder is the body of POST /leaders/move.
type MoveOrder struct {
	From  uint64 `json:"from_store"`
	To    uint64 `json:"to_store"`
	Count int    `json:"count"`
}

func (s *Simulation) postMove(r *http.Request) (any, error) {
	var order MoveOrder
	if err := decode(r, &order); err != nil {
		return nil, err
	}
	if !s.world.hasStore(order.From) || !s.world.hasStore(order.To) {
		return nil, errUnknown
	}
	if order.Count < 0 {
		return nil, badRequest{"count must be 0 or more"}
	}
	moved := s.world.moveLeaders(order.From, order.To, order.Count, time.Now())
	return map[string]int{"moved": moved}, nil
}

// FaultOrder is the body of POST /stores/{id}/{fault}.
type FaultOrder struct {
	Heat
	// Address is where a store is found from its start on, as after a move to another host.
	Address string `json:"address"`
}

// postFault breaks a store or mends it: stop and start, hang, slow, fill, heat. All but the first
// two are undone by {"off": true}.
func (s *Simulation) postFault(run context.Context, r *http.Request) (any, error) {
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	if !s.world.hasStore(id) {
		return nil, errUnknown
	}
	var order FaultOrder
	if err := decode(r, &order); err != nil {
		return nil, err
	}
	if order.Regions < 0 {
		return nil, badRequest{"regions must be 0 or more"}
	}
	if order.Address != "" && r.PathValue("fault") != "start" {
		return nil, badRequest{"a store changes its address only when it starts"}
	}
	now := time.Now()
	switch fault := r.PathValue("fault"); fault {
	case "stop":
		s.halt(id)
		s.world.stop(id, now)
	case "start":
		s.readdress(id, order.Address)
		s.world.start(id, now)
		s.launch(run, id)
	case "heat":
		s.world.heat(id, order.Heat, now)
	case "hang", "slow", "fill":
		s.world.flag(id, fault, !order.Off)
	default:
		return nil, badRequest{"known are stop, start, hang, slow, fill and heat"}
	}
	for _, state := range s.world.storeStates(now) {
		if state.ID == id {
			return state, nil
		}
	}
	return nil, errUnknown
}

// readdress takes effect when the store is next put, which its start does.
func (s *Simulation) readdress(id uint64, address string) {
	if address == "" {
		return
	}
	s.mu.Lock()
	meta := *s.metas[id]
	meta.Address = address
	s.metas[id] = &meta
	s.mu.Unlock()
	s.world.mu.Lock()
	s.world.stores[id].address = address
	s.world.mu.Unlock()
}

func (w *World) flag(id uint64, fault string, on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.stores[id]
	switch fault {
	case "hang":
		at.hung = on
	case "slow":
		at.slow = on
	case "fill":
		at.full = on
	}
}
