package sim

import "time"

// delayedCommands counts the commands that stores have received and not yet looked at. The world's
// lock guards it.
type delayedCommands struct {
	// wave grows when all that wait are dropped; one of an earlier wave is never carried out.
	wave    uint64
	waiting int
}

// delayCommand gives how long a store that received a command waits before it looks at it (0: not
// at all), and what to show to `due` then.
func (w *World) delayCommand() (time.Duration, uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delay := time.Duration(w.settings.CommandDelayMS) * time.Millisecond
	if delay > 0 {
		w.delayed.waiting++
	}
	return delay, w.delayed.wave
}

// due ends the wait of one command; false means that it was dropped meanwhile.
func (w *World) due(wave uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if wave != w.delayed.wave {
		return false
	}
	w.delayed.waiting--
	return true
}

// dropDelayed forgets the commands that wait, as a store does that restarts: PD will send again
// what it still wants. It gives how many there were.
func (w *World) dropDelayed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	dropped := w.delayed.waiting
	w.delayed = delayedCommands{wave: w.delayed.wave + 1}
	return dropped
}

// unfinished counts what could still change a region although PD asks for nothing more. The lock
// is held.
func (w *World) unfinished() int {
	count := w.delayed.waiting
	for _, r := range w.regions {
		if r.splitting {
			count++
		}
	}
	return count
}
