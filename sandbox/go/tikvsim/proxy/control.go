package proxy

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// Control gives the HTTP interface by which tests order faults. shutdown ends the program.
func (p *Proxy) Control(shutdown func()) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, p.status())
	})
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, p.faults.List())
	})
	mux.HandleFunc("POST /faults", p.postFault)
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		p.faults.Clear()
		respond(w, http.StatusOK, p.faults.List())
	})
	mux.HandleFunc("DELETE /faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
		if err != nil || !p.faults.Remove(id) {
			fail(w, http.StatusNotFound, errors.New("no fault has this id"))
			return
		}
		respond(w, http.StatusOK, p.faults.List())
	})
	mux.HandleFunc("POST /partition", p.postPartition)
	mux.HandleFunc("POST /shutdown", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, map[string]bool{"stopping": true})
		shutdown()
	})
	return mux
}

// Status is what GET /status shows.
type Status struct {
	Listen      string `json:"listen"`
	Upstream    string `json:"upstream"`
	Listening   bool   `json:"listening"`
	Partitioned bool   `json:"partitioned"`
	Connections int    `json:"connections"`
	Journaled   uint64 `json:"journaled"`
}

func (p *Proxy) status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Status{
		Listen: p.address, Upstream: p.upstream, Listening: p.listener != nil,
		Partitioned: p.cut, Connections: len(p.conns), Journaled: p.journal.Lines(),
	}
}

func (p *Proxy) postFault(w http.ResponseWriter, r *http.Request) {
	order := Fault{Count: 1}
	if err := decode(r, &order); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	added, err := p.faults.Add(order)
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	respond(w, http.StatusOK, added)
}

func (p *Proxy) postPartition(w http.ResponseWriter, r *http.Request) {
	var order struct {
		Off bool `json:"off"`
	}
	if err := decode(r, &order); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	if err := p.Partition(!order.Off); err != nil {
		fail(w, http.StatusConflict, err)
		return
	}
	respond(w, http.StatusOK, p.status())
}

func decode(r *http.Request, target any) error {
	decoder := json.NewDecoder(io.LimitReader(r.Body, answerLimit))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func fail(w http.ResponseWriter, status int, err error) {
	respond(w, status, map[string]string{"error": err.Error()})
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The caller may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}
