package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// answerLimit is how much of an answer is read before the journal line is written and the caller
// gets its first byte. Answers of writes are far smaller, so a caller that has its answer finds
// the line written.
const answerLimit = 1 << 20

// watchAfter spares short waits, which are nearly all, the cost of a second reader.
const watchAfter = 20 * time.Millisecond

// streamCut is how long a stream flows that half_answer cuts and that says no time of its own.
const streamCut = 500 * time.Millisecond

// refusalWait is how long PD may take to answer a request that it did not get whole.
const refusalWait = time.Second

// exchange is one client connection and its own upstream connection, kept alive together.
type exchange struct {
	proxy        *Proxy
	client       net.Conn
	upstream     net.Conn
	fromClient   *bufio.Reader
	fromUpstream *bufio.Reader
}

func (e *exchange) run() {
	for {
		// Between requests PD may end the connection; the caller must see that.
		upstreamGone := watch(e.upstream, e.fromUpstream, func() { _ = e.client.Close() })
		request, err := http.ReadRequest(e.fromClient)
		if upstreamGone() || err != nil {
			return
		}
		if !e.pass(request) {
			return
		}
	}
}

// pass carries one request; false means that the connection is over.
func (e *exchange) pass(request *http.Request) bool {
	fault := e.proxy.faults.Take(request)
	body := &head{ReadCloser: request.Body}
	request.Body = body
	entry := Entry{
		Method: request.Method, Path: request.RequestURI,
		Redirector: request.Header.Get("PD-Redirector"),
		Caller:     request.Header.Get("X-Caller-ID"),
		Started:    time.Now().UTC(), Fault: string(fault.Action),
	}
	finish := func(status int) {
		entry.Status, entry.Body = status, string(body.kept)
		entry.Finished = time.Now().UTC()
		entry.Time = entry.Finished
		e.proxy.journal.Append(entry)
	}

	if strings.EqualFold(request.Header.Get("Expect"), "100-continue") {
		if _, err := io.WriteString(e.client, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			finish(0)
			return false
		}
	}
	switch fault.Action {
	case DelayBefore:
		time.Sleep(fault.Delay())
	case CutBeforeSend, AnswerStatus:
		// The caller's body is read although nobody gets it: the journal shows it.
		_, _ = io.Copy(io.Discard, body)
		if fault.Action == CutBeforeSend {
			finish(0)
			return false
		}
		finish(fault.Status)
		return e.answerStatus(request, fault)
	}
	response, err := e.ask(request, fault.Action == "")
	if err != nil {
		finish(0)
		return false
	}
	defer func() { _ = response.Body.Close() }()
	entry.PDStatus = response.StatusCode
	if streams(request) {
		return e.stream(response, fault, finish)
	}
	return e.answer(response, fault, finish)
}

// streams tells a request whose answer has no end: a watch of Kubernetes.
func streams(request *http.Request) bool {
	watch := request.URL.Query().Get("watch")
	return watch == "true" || watch == "1"
}

// stream passes on what comes as it comes, until one side leaves; the connection is over then.
func (e *exchange) stream(response *http.Response, fault Fault, finish func(int)) bool {
	if fault.Action == CutAfterAnswer {
		finish(0)
		return false
	}
	finish(response.StatusCode)
	switch fault.Action {
	case DelayAfter:
		time.Sleep(fault.Delay())
	case HalfAnswer:
		cut := max(fault.Delay(), streamCut)
		defer time.AfterFunc(cut, func() { _ = e.client.Close() }).Stop()
	}
	clientGone := watch(e.client, e.fromClient, func() { _ = e.upstream.Close() })
	defer clientGone()
	_ = response.Write(e.client)
	return false
}

// ask sends the request on and reads PD's answer. A caller that leaves takes its request along, as
// without a proxy, except where a fault was ordered: then the request is under way.
func (e *exchange) ask(request *http.Request, leaving bool) (*http.Response, error) {
	if _, named := request.Header["User-Agent"]; !named {
		// Without this net/http would add its own.
		request.Header["User-Agent"] = []string{}
	}
	// When PD answers before it has read the whole body, writing fails and the answer counts.
	writeErr := request.Write(e.upstream)
	if writeErr != nil {
		// A caller that left in the middle of its body: PD would wait for the rest for ever.
		_ = e.upstream.SetReadDeadline(time.Now().Add(refusalWait))
	}
	if leaving {
		clientGone := watch(e.client, e.fromClient, func() { _ = e.upstream.Close() })
		defer clientGone()
	}
	for {
		response, err := http.ReadResponse(e.fromUpstream, request)
		if err != nil {
			return nil, errors.Join(writeErr, err)
		}
		if streams(request) && response.StatusCode >= 200 {
			return response, nil
		}
		if response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			return e.buffered(response)
		}
	}
}

// buffered reads an answer, up to answerLimit, while a leaving caller is still noticed.
func (e *exchange) buffered(response *http.Response) (*http.Response, error) {
	start, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return nil, err
	}
	rest := response.Body
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), rest), rest}
	return response, nil
}

func (e *exchange) answer(response *http.Response, fault Fault, finish func(int)) bool {
	switch fault.Action {
	case DelayAfter:
		finish(response.StatusCode)
		time.Sleep(fault.Delay())
	case CutAfterAnswer:
		finish(0)
		return false
	case HalfAnswer:
		finish(response.StatusCode)
		e.answerHalf(response)
		return false
	default:
		finish(response.StatusCode)
	}
	// Unbuffered, each header would be a packet of its own.
	buffered := bufio.NewWriter(e.client)
	if err := errors.Join(response.Write(buffered), buffered.Flush()); err != nil ||
		response.Close || response.Request.Close {
		return false
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		splice(e.client, e.fromClient, e.upstream, e.fromUpstream)
		return false
	}
	return true
}

// answerHalf promises the whole body and sends half of it.
func (e *exchange) answerHalf(response *http.Response) {
	body, _ := io.ReadAll(response.Body)
	var whole bytes.Buffer
	response.Body = io.NopCloser(bytes.NewReader(body))
	response.ContentLength, response.TransferEncoding = int64(len(body)), nil
	if err := response.Write(&whole); err != nil {
		return
	}
	_, _ = e.client.Write(whole.Bytes()[:whole.Len()-len(body)+len(body)/2])
}

func (e *exchange) answerStatus(request *http.Request, fault Fault) bool {
	if request.Method == http.MethodHead || fault.Status == http.StatusNoContent ||
		fault.Status == http.StatusNotModified {
		fault.Body = "" // the caller would read it as the next answer
	}
	_, err := fmt.Fprintf(e.client,
		"HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s",
		fault.Status, http.StatusText(fault.Status), len(fault.Body), fault.Body)
	return err == nil && !request.Close
}

// watch calls gone when the connection ends while nobody reads from it. The function it gives
// ends the watch and says whether the connection ended.
func watch(conn net.Conn, reader *bufio.Reader, gone func()) (end func() bool) {
	var ended atomic.Bool
	done := make(chan struct{})
	timer := time.AfterFunc(watchAfter, func() {
		defer close(done)
		if _, err := reader.Peek(1); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			ended.Store(true)
			gone()
		}
	})
	return func() bool {
		if timer.Stop() {
			return false
		}
		_ = conn.SetReadDeadline(time.Unix(1, 0))
		<-done
		_ = conn.SetReadDeadline(time.Time{})
		return ended.Load()
	}
}
