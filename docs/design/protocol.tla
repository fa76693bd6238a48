------------------------------ MODULE protocol ------------------------------
(***************************************************************************)
(* How an approved proposal changes PD once, whatever breaks.              *)
(*                                                                         *)
(* Several operator pods, one API server (proposals and the Lease, stored  *)
(* by compare-and-swap), one PD, one human, one stranger who also changes  *)
(* PD.  protocol.md beside this file maps each action to the code.         *)
(*                                                                         *)
(* Has(rule) is TRUE in the model proper.  A variant leaves one rule out   *)
(* (constant Without) and must then break an invariant.  Drops(assumption) *)
(* is TRUE only in runs that show what an assumption is for (constant      *)
(* Dropped).                                                               *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets, TLC

CONSTANTS
  Operators,    \* pods of the operator
  Absolute,     \* proposals whose call sets a value
  Undoable,     \* those among them that are undone when they miss their goal
  Refused,      \* proposals whose call PD refuses when it arrives twice
  Never,        \* proposals whose call acts each time it arrives
  Grouped,      \* those among them that are a parallel group of two calls
  Without,      \* rules left out: {} in the model proper
  Dropped,      \* assumptions dropped: {} or {"check is atomic"} in the model proper
  MaxTerms,     \* one more than how often leadership may be lost, in whatever way
  MaxEdits,     \* of each ask
  Faults        \* which others may happen, each of them without limit

VARIABLES
  \* the API server
  lease,        \* who holds the Lease, and the highest epoch that is known
  leaseLeft,    \* ticks until others may take a Lease that nobody renews
  ask,          \* spec: the revision of the ask
  approval,     \* spec: the digest (here: revision) that the approval names, or None
  said,         \* spec: "reject" or "cancel", "-" for neither
  phase, step, epoch,    \* status: phase, journal, the epoch in the journal
  suspended,    \* the brake on the TiKVCluster
  \* time
  expired,      \* notAfter or the approval's time is over
  \* PD
  value, effects, undone, flying, ready,
  \* the operator's processes
  slow, term, left, flight,
  \* what went wrong so far
  wrong

api == <<lease, leaseLeft, ask, approval, said, phase, step, epoch, suspended, expired>>
pd == <<value, effects, undone, flying, ready>>
ops == <<slow, term, left, flight>>
vars == <<api, pd, ops, wrong>>

Proposals == Absolute \cup Refused \cup Never
Slots == IF Grouped = {} THEN {1} ELSE {1, 2}
Calls(p) == IF p \in Grouped THEN {1, 2} ELSE {1}

Has(rule) == rule \notin Without
Drops(assumption) == assumption \in Dropped

None == 9       \* no approval
Nobody == "-"   \* no holder, no proposal

(* Time.  Only differences count: a deadline lies Renew ticks after the    *)
(* renewal was SENT, others wait Duration ticks after it was stored, and   *)
(* PD has carried out or lost what was sent before the second tick.        *)
Renew == 1
Duration == 2

Min(a, b) == IF a < b THEN a ELSE b
Less(n) == IF n = 0 THEN 0 ELSE n - 1

Acting == {"Executing", "RollingBack"}
Ended == {"Succeeded", "Failed", "RolledBack", "RollbackFailed", "Unknown", "Resolved", "Closed"}

NoStep == [st |-> "none", by |-> Nobody, sender |-> "-", noted |-> FALSE]
IsOpen(s) == s.st \in {"intended", "undoing"}

NoMember == [pc |-> "-", again |-> FALSE, saw |-> "-", out |-> "-", braked |-> FALSE]
Idle == [p |-> Nobody, at |-> "-", fresh |-> FALSE, inTime |-> TRUE,
         m |-> [i \in Slots |-> NoMember]]

(* What PD shows of a value: set back by somebody else looks like never    *)
(* changed.                                                                *)
Shown(v) == IF v = "set back" THEN "old" ELSE v
Foreign == {"other", "set back"}

Init ==
  /\ lease = [holder |-> Nobody, epoch |-> 0]
  /\ leaseLeft = 0
  /\ ask = [p \in Proposals |-> 0]
  /\ approval = [p \in Proposals |-> None]
  /\ said = [p \in Proposals |-> "-"]
  /\ phase = [p \in Proposals |-> "Open"]
  /\ step = [p \in Proposals |-> [i \in Slots |-> NoStep]]
  /\ epoch = [p \in Proposals |-> 0]
  /\ suspended = FALSE
  /\ expired = [p \in Proposals |-> FALSE]
  /\ value = [p \in Proposals |-> [i \in Slots |-> "old"]]
  /\ effects = [p \in Proposals |-> [i \in Slots |-> 0]]
  /\ undone = [p \in Proposals |-> [i \in Slots |-> 0]]
  /\ flying = {}
  /\ ready = TRUE
  /\ slow = [o \in Operators |-> FALSE]
  /\ term = [o \in Operators |-> 0]
  /\ left = [o \in Operators |-> 0]
  /\ flight = [o \in Operators |-> Idle]
  /\ wrong = {}

-----------------------------------------------------------------------------
(* Leadership.                                                             *)

Healthy(o) == /\ ~slow[o] /\ term[o] # 0
              /\ lease.holder = o /\ lease.epoch = term[o]

(* A healthy leader renews in time, so time that passes changes nothing    *)
(* for it.  It counts once the holder is frozen, cut off or gone.          *)
Tick ==
  /\ lease.holder # Nobody
  /\ \A o \in Operators : ~Healthy(o)
  /\ leaseLeft > 0
  /\ Drops("calls land in time") \/ \A c \in flying : c.ttl > 0
  /\ leaseLeft' = leaseLeft - 1
  /\ left' = [o \in Operators |-> Less(left[o])]
  /\ flying' = {[c EXCEPT !.ttl = Less(@)] : c \in flying}
  /\ UNCHANGED <<lease, ask, approval, said, phase, step, epoch, suspended,
                 expired, value, effects, undone, ready, slow, term, flight,
                 wrong>>

Acquire(o) ==
  /\ ~slow[o] /\ term[o] = 0 /\ lease.epoch < MaxTerms
  /\ \/ lease.holder = Nobody \/ leaseLeft = 0
     \/ \* the same pod with a new container: its own Lease is free at once
        /\ lease.holder = o
        /\ Drops("calls land in time") \/ \A c \in flying : c.by # o
  /\ lease' = [holder |-> o, epoch |-> lease.epoch + 1]
  /\ term' = [term EXCEPT ![o] = lease.epoch + 1]
  /\ leaseLeft' = Duration
  /\ left' = [left EXCEPT ![o] = Renew]
  /\ UNCHANGED <<ask, approval, said, phase, step, epoch, suspended, expired,
                 pd, slow, flight, wrong>>

(* SIGSTOP, a paused VM, or cut off from the API server: it renews no      *)
(* more.  It may still take any of its steps, at any later time.  One at a *)
(* time; frozen with nothing in hand is no different from crashed.         *)
Freeze(o) ==
  /\ Healthy(o) /\ flight[o] # Idle /\ \A q \in Operators : ~slow[q]
  /\ Faults \cap {"freeze", "freeze for good"} # {} /\ lease.epoch < MaxTerms
  /\ slow' = [slow EXCEPT ![o] = TRUE]
  /\ UNCHANGED <<api, pd, term, left, flight, wrong>>

(* The answer to its last renewal arrives when time has passed.  It tells  *)
(* nothing new, for the deadline was counted from before the write.        *)
LateRenewalAnswer(o) ==
  /\ ~Has("deadline from before the write")
  /\ slow[o] /\ left[o] < Renew
  /\ left' = [left EXCEPT ![o] = Renew]
  /\ UNCHANGED <<api, pd, slow, term, flight, wrong>>

(* Thawed: it renews again, or its watchdog ends the term.                 *)
Thaw(o) ==
  /\ slow[o] /\ "freeze for good" \notin Faults
  /\ slow' = [slow EXCEPT ![o] = FALSE]
  /\ IF left[o] > 0 /\ lease = [holder |-> o, epoch |-> term[o]]
     THEN /\ left' = [left EXCEPT ![o] = Renew]
          /\ leaseLeft' = Duration
          /\ UNCHANGED <<term, flight>>
     ELSE /\ left' = [left EXCEPT ![o] = 0]
          /\ term' = [term EXCEPT ![o] = 0]
          /\ flight' = [flight EXCEPT ![o] = Idle]
          /\ UNCHANGED leaseLeft
  /\ UNCHANGED <<lease, ask, approval, said, phase, step, epoch, suspended,
                 expired, pd, wrong>>

(* Somebody deletes the Lease: a leader finds out at its next renewal.     *)
(* Its epoch is still known from statuses and to those who watched it.     *)
DeleteLease ==
  /\ lease.holder \in Operators
  /\ "lease" \in Faults /\ lease.epoch < MaxTerms
  /\ lease' = [holder |-> "deleted",
               epoch |-> IF Has("epoch beyond the Lease") THEN lease.epoch ELSE 0]
  /\ leaseLeft' = Duration
  /\ UNCHANGED <<ask, approval, said, phase, step, epoch, suspended, expired,
                 pd, ops, wrong>>

LoseTerm(o) ==
  /\ ~slow[o] /\ term[o] # 0 /\ ~Healthy(o)
  /\ term' = [term EXCEPT ![o] = 0]
  /\ left' = [left EXCEPT ![o] = 0]
  /\ flight' = [flight EXCEPT ![o] = Idle]
  /\ UNCHANGED <<api, pd, slow, wrong>>

(* The process of o ends: the sender of its calls is now provably gone.    *)
Ends(o, how) ==
  /\ slow' = [slow EXCEPT ![o] = FALSE]
  /\ term' = [term EXCEPT ![o] = 0]
  /\ left' = [left EXCEPT ![o] = 0]
  /\ flight' = [flight EXCEPT ![o] = Idle]
  /\ step' = [p \in Proposals |-> [i \in Slots |->
                IF step[p][i].by = o THEN [step[p][i] EXCEPT !.sender = how] ELSE step[p][i]]]
  /\ flying' = {[c EXCEPT !.awaited = @ /\ c.by # o] : c \in flying}

Crash(o) ==
  /\ term[o] # 0
  /\ "crash" \in Faults /\ lease.epoch < MaxTerms
  /\ Ends(o, "ended")
  /\ UNCHANGED <<lease, leaseLeft, ask, approval, said, phase, epoch,
                 suspended, expired, value, effects, undone, ready, wrong>>

(* SIGTERM: calls in the air land first, then the Lease is released.       *)
Stop(o) ==
  /\ Healthy(o)
  /\ "stop" \in Faults /\ lease.epoch < MaxTerms
  /\ Has("release after drain") =>
       \A i \in Slots : flight[o].m[i].pc \notin {"fenced", "wait"}
  /\ Has("release after the note") => \A i \in Slots : flight[o].m[i].pc # "note"
  /\ Ends(o, "released")
  /\ lease' = [lease EXCEPT !.holder = Nobody]
  /\ UNCHANGED <<leaseLeft, ask, approval, said, phase, epoch, suspended,
                 expired, value, effects, undone, ready, wrong>>

-----------------------------------------------------------------------------
(* People.  Each of them writes spec, and so moves resourceVersion.        *)

(* While another proposal acts nobody looks at p, unless it is in hand: so *)
(* what people do with it may as well be done before or after.             *)
Looked(p) == \/ \E o \in Operators : flight[o].p = p
             \/ \A q \in Proposals : q = p \/ phase[q] \notin Acting

Touch(p) == [o \in Operators |->
               IF flight[o].p = p THEN [flight[o] EXCEPT !.fresh = FALSE] ELSE flight[o]]

(* A person has ask d in mind.  The gate takes it only for the current one.*)
Approve(p, d) ==
  /\ phase[p] = "Open" /\ approval[p] = None /\ said[p] = "-" /\ Looked(p)
  /\ d <= ask[p]
  /\ Has("digest") => d = ask[p]
  /\ approval' = [approval EXCEPT ![p] = d]
  /\ flight' = Touch(p)
  /\ UNCHANGED <<lease, leaseLeft, ask, said, phase, step, epoch, suspended,
                 expired, pd, slow, term, left, wrong>>

Edit(p) ==
  /\ phase[p] = "Open" /\ said[p] = "-" /\ Looked(p)
  /\ ask[p] < MaxEdits
  /\ ask' = [ask EXCEPT ![p] = @ + 1]
  /\ approval' = IF Has("digest") THEN [approval EXCEPT ![p] = None] ELSE approval
  /\ flight' = Touch(p)
  /\ UNCHANGED <<lease, leaseLeft, said, phase, step, epoch, suspended,
                 expired, pd, slow, term, left, wrong>>

Say(p, word, phases) ==
  /\ phase[p] \in phases /\ approval[p] # None /\ said[p] = "-" /\ ~expired[p] /\ Looked(p)
  /\ said' = [said EXCEPT ![p] = word]
  /\ flight' = Touch(p)
  /\ UNCHANGED <<lease, leaseLeft, ask, approval, phase, step, epoch,
                 suspended, expired, pd, slow, term, left, wrong>>

Reject(p) == Say(p, "reject", {"Open"})
Cancel(p) == "cancel" \in Faults /\ Say(p, "cancel", Acting)

Suspend ==
  /\ ~suspended
  /\ "suspend" \in Faults
  /\ suspended' = TRUE
  /\ UNCHANGED <<lease, leaseLeft, ask, approval, said, phase, step, epoch,
                 expired, pd, ops, wrong>>

Unsuspend ==
  /\ suspended
  /\ suspended' = FALSE
  /\ UNCHANGED <<lease, leaseLeft, ask, approval, said, phase, step, epoch,
                 expired, pd, ops, wrong>>

(* What came of an unknown outcome is a person's word; nothing is resent.  *)
Resolve(p) ==
  /\ phase[p] = "Unknown"
  /\ phase' = [phase EXCEPT ![p] = "Resolved"]
  /\ UNCHANGED <<lease, leaseLeft, ask, approval, said, step, epoch, suspended,
                 expired, pd, ops, wrong>>

Expire(p) ==
  /\ ~expired[p] /\ approval[p] # None /\ said[p] = "-" /\ Looked(p)
  /\ phase[p] = "Open" \/ (phase[p] = "Executing" /\ p \in Absolute)
  /\ expired' = [expired EXCEPT ![p] = TRUE]
  /\ UNCHANGED <<lease, leaseLeft, ask, approval, said, phase, step, epoch,
                 suspended, pd, ops, wrong>>

-----------------------------------------------------------------------------
(* Writes of status.  The API server refuses an epoch lower than the one   *)
(* stored; the writer refuses a journal that is in other hands.            *)

(* By its own clock; a write that was decided before may come later.       *)
Leads(o) == term[o] # 0 /\ left[o] >= 1
EpochRule(o, p) == Has("epoch") => term[o] >= epoch[p]
Ours(o, p) == Has("epoch") => epoch[p] = term[o]

(* The step i of the flight of o is open, and the journal is o's.          *)
InHand(o, i) == LET p == flight[o].p IN
                phase[p] \in Acting /\ IsOpen(step[p][i]) /\ Ours(o, p)

Drop(o) == flight' = [flight EXCEPT ![o] = Idle]

(* The flight f of o goes on, and what others have read of p is old now.   *)
Fly(o, f) == flight' = [other \in Operators |->
                          IF other = o THEN f
                          ELSE IF flight[other].p = f.p /\ f.p # Nobody
                               THEN [flight[other] EXCEPT !.fresh = FALSE]
                               ELSE flight[other]]

With(f, i, m) == [f EXCEPT !.m[i] = m]

(* What does not matter after the end is not told apart: fewer states.     *)
Forget ==
  /\ said' = [p \in Proposals |-> IF phase'[p] \in Ended THEN "-" ELSE said[p]]
  /\ expired' = [p \in Proposals |-> phase'[p] \notin Ended /\ expired[p]]
NoSteps == [i \in Slots |-> NoStep]

(* Rejected, cancelled or expired before it began.                         *)
Close(o, p) ==
  /\ Leads(o) /\ flight[o].p # p
  /\ phase[p] = "Open" /\ (said[p] # "-" \/ expired[p])
  /\ phase' = [phase EXCEPT ![p] = "Closed"]
  /\ approval' = [approval EXCEPT ![p] = None]
  /\ flight' = Touch(p)
  /\ Forget
  /\ UNCHANGED <<lease, leaseLeft, ask, step, epoch, suspended, pd, slow, term,
                 left, wrong>>

-----------------------------------------------------------------------------
(* The claim: one write between approval and call.  Deciding and writing   *)
(* are two steps, so that anything may happen in between.                  *)

Counts(p) == IF Has("digest") THEN approval[p] = ask[p] ELSE approval[p] # None

ClaimDecide(o, p) ==
  /\ Leads(o) /\ flight[o].p = Nobody
  /\ phase[p] = "Open" /\ Counts(p) /\ said[p] = "-" /\ ~suspended
  /\ Has("expiry") => ~expired[p]
  /\ \A q \in Proposals : phase[q] \notin Acting
  /\ epoch[p] <= term[o]
  /\ ready /\ \A i \in Calls(p) : p \in Never \/ Shown(value[p][i]) = "old"
  /\ flight' = [flight EXCEPT ![o] =
                  [Idle EXCEPT !.p = p, !.at = "claim", !.fresh = TRUE, !.inTime = ~expired[p]]]
  /\ UNCHANGED <<api, pd, slow, term, left, wrong>>

Intended(o, kind) ==
  [st |-> kind, by |-> o, sender |-> "alive", noted |-> FALSE]

(* Of a parallel group the first call is claimed; GoOn begins the others.  *)
ClaimWrite(o) ==
  LET f == flight[o]  p == f.p
      early == ~Has("intent first")
      stores == (f.fresh \/ ~Has("compare and swap")) /\ EpochRule(o, p) IN
  /\ f.at = "claim"
  /\ early => f.m[1].pc # "-"
  /\ IF stores
     THEN /\ phase' = [phase EXCEPT ![p] = "Executing"]
          /\ epoch' = [epoch EXCEPT ![p] = term[o]]
          /\ step' = [step EXCEPT ![p] = [NoSteps EXCEPT ![1] = Intended(o, "intended")]]
          /\ Fly(o, [f EXCEPT !.at = "fly",
                              !.m[1] = IF early THEN @ ELSE [NoMember EXCEPT !.pc = "look"]])
     ELSE Drop(o) /\ UNCHANGED <<phase, epoch, step>>
  /\ UNCHANGED <<lease, leaseLeft, ask, approval, said, suspended, expired, pd,
                 slow, term, left, wrong>>

-----------------------------------------------------------------------------
(* One call: look live, pass the fence, send, hear or not hear of it.      *)

Braked(p) == suspended \/ said[p] = "cancel"
Kind(p) == IF phase[p] = "RollingBack" THEN "undo" ELSE "call"

(* A brake stops a call for good or sends the proposal back to be claimed  *)
(* anew; a repeat that is stopped is not sent at all; an undo waits.       *)
LookLive(o, i) ==
  LET f == flight[o]  p == f.p  m == f.m[i] IN
  /\ f.at = "fly" /\ m.pc = "look"
  /\ IF ~InHand(o, i)
     THEN Drop(o) /\ UNCHANGED <<phase, step>>
     ELSE IF ~Braked(p) \/ ~Has("look after the intent")
     THEN /\ flight' = [flight EXCEPT ![o] = With(f, i, [m EXCEPT !.pc = "send",
                                                                  !.braked = Braked(p)])]
          /\ UNCHANGED <<phase, step>>
     ELSE IF m.again
     THEN /\ flight' = [flight EXCEPT ![o] = With(f, i, [m EXCEPT !.pc = "verify",
                                                                  !.again = FALSE,
                                                                  !.saw = "-",
                                                                  !.out = "unknown"])]
          /\ UNCHANGED <<phase, step>>
     ELSE IF phase[p] = "RollingBack"
     THEN /\ said[p] = "cancel"
          /\ phase' = [phase EXCEPT ![p] = "RollbackFailed"]
          /\ step' = [step EXCEPT ![p] = NoSteps]
          /\ flight' = [Touch(p) EXCEPT ![o] = Idle]
     ELSE IF \E j \in Calls(p) : j # i /\ step[p][j].st # "none"
     THEN \* others of the group have begun: this one is closed, they are judged
          /\ step' = [step EXCEPT ![p][i] = IF suspended THEN NoStep
                                            ELSE [@ EXCEPT !.st = "notDone"]]
          /\ Fly(o, With(f, i, NoMember))
          /\ UNCHANGED phase
     ELSE /\ phase' = [phase EXCEPT ![p] = IF said[p] = "cancel" THEN "Failed" ELSE "Open"]
          /\ step' = [step EXCEPT ![p] = NoSteps]
          /\ flight' = [Touch(p) EXCEPT ![o] = Idle]
  /\ Forget
  /\ UNCHANGED <<lease, leaseLeft, ask, approval, epoch, suspended, pd, slow,
                 term, left, wrong>>

Permitted(o) == (term[o] # 0 /\ left[o] >= 1) \/ ~Has("fence")

Judged(o, p, m) ==
  (IF approval[p] # ask[p] THEN {"unapproved"} ELSE {})
  \cup (IF said[p] = "reject" THEN {"rejected"} ELSE {})
  \cup (IF ~flight[o].inTime /\ Kind(p) = "call" THEN {"expired"} ELSE {})
  \cup (IF m.braked THEN {"braked"} ELSE {})
  \cup (IF term[o] # lease.epoch THEN {"late"} ELSE {})

Send(o, i) ==
  LET f == flight[o]  p == f.p  m == f.m[i] IN
  /\ flying' = flying \cup {[p |-> p, i |-> i, kind |-> Kind(p), by |-> o, awaited |-> TRUE,
                             ttl |-> 1, again |-> m.again, saw |-> m.saw]}
  /\ flight' = [flight EXCEPT ![o] = With(f, i, [NoMember EXCEPT !.pc = "wait"])]
  /\ wrong' = wrong \cup Judged(o, p, m)

(* The clock is looked at right before the first byte.  Whether a freeze   *)
(* fits between the two is the assumption "check is atomic".               *)
FenceAndSend(o, i) ==
  /\ flight[o].at = "fly" /\ flight[o].m[i].pc = "send"
  /\ IF ~Permitted(o) THEN Drop(o) /\ UNCHANGED <<flying, wrong>>
     ELSE IF Drops("check is atomic")
     THEN /\ flight' = [flight EXCEPT ![o].m[i].pc = "fenced"]
          /\ UNCHANGED <<flying, wrong>>
     ELSE Send(o, i)
  /\ UNCHANGED <<api, value, effects, undone, ready, slow, term, left>>

FirstByte(o, i) ==
  /\ flight[o].at = "fly" /\ flight[o].m[i].pc = "fenced"
  /\ Send(o, i)
  /\ UNCHANGED <<api, value, effects, undone, ready, slow, term, left>>

(* Variant only: the call first, its intent after it.                      *)
CallFirst(o) ==
  /\ ~Has("intent first")
  /\ flight[o].at = "claim" /\ flight[o].m[1].pc = "-" /\ Permitted(o)
  /\ Send(o, 1)
  /\ UNCHANGED <<api, value, effects, undone, ready, slow, term, left>>

Waits(c) == c.awaited /\ flight[c.by].p = c.p /\ flight[c.by].m[c.i].pc = "wait"

Hears(c, pc, out) ==
  IF Waits(c)
  THEN flight' = [flight EXCEPT ![c.by].m[c.i].pc = pc, ![c.by].m[c.i].out = out]
  ELSE UNCHANGED flight

(* PD carries out what it has received, and answers.                       *)
Land(c) ==
  LET v == value[c.p][c.i]
      refused == c.kind = "call" /\ c.p \in Refused /\ v = "new"
      target == IF c.kind = "call" THEN "new" ELSE "old"
      changes == ~refused /\ (c.p \in Never \/ Shown(v) # target)
      spoils == changes /\ c.again /\ v \in Foreign
                /\ (c.saw \in Foreign \/ Drops("nobody between look and call"))
      spoilsUndo == changes /\ c.kind = "undo" /\ c.saw \in Foreign /\ v \in Foreign
      ended == phase[c.p] \in Ended IN
  /\ flying' = flying \ {c}
  /\ value' = IF changes THEN [value EXCEPT ![c.p][c.i] = target] ELSE value
  /\ effects' = IF changes /\ c.kind = "call"
                THEN [effects EXCEPT ![c.p][c.i] = Min(2, @ + 1)] ELSE effects
  /\ undone' = IF changes /\ c.kind = "undo"
               THEN [undone EXCEPT ![c.p][c.i] = Min(2, @ + 1)] ELSE undone
  /\ wrong' = wrong \cup (IF spoils \/ spoilsUndo THEN {"overwrote"} ELSE {})
                    \cup (IF changes /\ ended THEN {"after the end"} ELSE {})
  /\ Hears(c, "verify", IF refused THEN "didNot" ELSE "did")
  /\ UNCHANGED <<api, ready, slow, term, left>>

(* A lost answer: the sender waits no longer.  The call may have been      *)
(* carried out, may still be, or never reach PD.                           *)
GiveUp(c) ==
  /\ Waits(c)
  /\ "lost" \in Faults
  /\ flying' = (flying \ {c}) \cup {[c EXCEPT !.awaited = FALSE]}
  /\ Hears(c, "note", "unknown")
  /\ UNCHANGED <<api, value, effects, undone, ready, slow, term, left, wrong>>

Vanish(c) ==
  /\ ~Waits(c)
  /\ flying' = flying \ {c}
  /\ UNCHANGED <<api, value, effects, undone, ready, ops, wrong>>

(* A lost answer is noted at once: a call with a note is never sent again. *)
Note(o, i) ==
  LET f == flight[o]  p == f.p IN
  /\ f.at = "fly" /\ f.m[i].pc = "note"
  /\ IF ~InHand(o, i)
     THEN Drop(o) /\ UNCHANGED step
     ELSE IF ~Has("unknown is not no")
     THEN flight' = [flight EXCEPT ![o] = With(f, i, [NoMember EXCEPT !.pc = "look"])]
          /\ UNCHANGED step
     ELSE /\ step' = [step EXCEPT ![p][i].noted = TRUE]
          /\ Fly(o, With(f, i, [f.m[i] EXCEPT !.pc = "verify"]))
  /\ UNCHANGED <<lease, leaseLeft, ask, approval, said, phase, epoch,
                 suspended, expired, pd, slow, term, left, wrong>>

-----------------------------------------------------------------------------
(* Settling: what PD shows closes the open step, never the answer alone.   *)

Standing(s, p) == {i \in Calls(p) : s[i].st \in {"done", "missed"}}

(* Overdue: the time in which the effect must show is over.                *)
MayBeOverdue(p) == Drops("calls land in time") \/ \A c \in flying : c.p # p

Goal(p) == {"done"} \cup (IF p \in Undoable THEN {"missed"} ELSE {})

(* What the open step i may be closed as, by PD's answer and by what it    *)
(* shows.  A call of a group has begun once PD took it.                    *)
Closings(p, i, out) ==
  LET v == Shown(value[p][i])  s == step[p][i].st IN
  IF s = "intended"
  THEN IF out = "didNot" THEN {"notDone"}
       ELSE IF p \in Grouped /\ (out = "did" \/ v = "new") THEN {"begun"}
       ELSE IF v = "new" THEN Goal(p)
       ELSE IF MayBeOverdue(p) THEN {IF out = "did" THEN "notDone" ELSE "unknown"}
       ELSE {}
  ELSE IF v = "old" THEN {"undone"}
       ELSE IF MayBeOverdue(p) THEN {IF out = "did" THEN "stuck" ELSE "unknown"}
       ELSE {}

(* The undo's next call, the last one first; none when the value is not    *)
(* ours any more or cannot be taken back.                                  *)
NextBack(p, s) ==
  LET stands == Standing(s, p)
      last == CHOOSE i \in stands : \A j \in stands : i >= j
      v == Shown(value[p][last]) IN
  IF stands = {} THEN [end |-> "RolledBack", i |-> 0]
  ELSE IF p \notin Undoable \/ (v # "new" /\ Has("undo looks first"))
  THEN [end |-> "RollbackFailed", i |-> 0]
  ELSE [end |-> "-", i |-> last]

Failing(p, s) == said[p] = "cancel" \/ \E j \in Calls(p) : s[j].st \in {"notDone", "missed"}
NextCalls(p, s) == IF Failing(p, s) THEN {} ELSE {j \in Calls(p) : s[j].st = "none"}

(* The state after a step of p was closed in s, decided and stored by o.   *)
Conclude(o, p, s) ==
  LET f == [flight[o] EXCEPT !.m = [i \in Slots |-> NoMember]]
      is(st) == \E j \in Calls(p) : s[j].st = st
      back == NextBack(p, s)
      ending(name) == [phase |-> name, step |-> NoSteps, f |-> Idle] IN
  IF is("unknown") THEN ending("Unknown")
  ELSE IF is("stuck") THEN ending("RollbackFailed")
  ELSE IF is("begun") \/ (phase[p] = "Executing" /\ NextCalls(p, s) # {})
  THEN [phase |-> phase[p], step |-> s, f |-> f]
  ELSE IF phase[p] = "Executing" /\ \A j \in Calls(p) : s[j].st = "done"
  THEN ending("Succeeded")
  ELSE IF phase[p] = "Executing" /\ (Standing(s, p) = {} \/ said[p] = "cancel")
  THEN ending("Failed")
  ELSE IF back.end # "-" THEN ending(back.end)
  ELSE [phase |-> "RollingBack",
        step |-> [s EXCEPT ![back.i] = Intended(o, "undoing")],
        f |-> With(f, back.i, [NoMember EXCEPT !.pc = "look", !.saw = value[p][back.i]])]

Closed(p, i, c) == [step[p] EXCEPT ![i].st = c]

Stored(o, p, end) ==
  /\ phase' = [phase EXCEPT ![p] = end.phase]
  /\ step' = [step EXCEPT ![p] = end.step]
  /\ epoch' = [epoch EXCEPT ![p] = term[o]]
  /\ flight' = [Touch(p) EXCEPT ![o] = end.f]
  /\ Forget
  /\ UNCHANGED <<lease, leaseLeft, ask, approval, suspended, pd, slow, term,
                 left, wrong>>

Settle(o, i) ==
  LET f == flight[o]  p == f.p  m == f.m[i] IN
  /\ f.at = "fly" /\ m.pc = "verify" /\ ready
  /\ IF InHand(o, i)
     THEN \E c \in Closings(p, i, m.out) : Stored(o, p, Conclude(o, p, Closed(p, i, c)))
     ELSE Drop(o) /\ UNCHANGED <<api, pd, slow, term, left, wrong>>

(* Between two calls of a group: judge one that has begun, begin the next, *)
(* or come to the end.                                                     *)
GoOn(o) ==
  LET f == flight[o]  p == f.p  s == step[p] IN
  /\ f.at = "fly" /\ \A i \in Slots : f.m[i] = NoMember
  /\ ready /\ phase[p] = "Executing" /\ Ours(o, p)
  /\ \A i \in Calls(p) : ~IsOpen(s[i])
  /\ \/ \E i \in Calls(p) :
          /\ s[i].st = "begun"
          /\ \E c \in IF Shown(value[p][i]) = "new" THEN Goal(p)
                       ELSE IF MayBeOverdue(p) THEN {"notDone"} ELSE {} :
               Stored(o, p, Conclude(o, p, Closed(p, i, c)))
     \/ /\ NextCalls(p, s) # {} /\ ~suspended
        /\ LET i == CHOOSE j \in NextCalls(p, s) : \A k \in NextCalls(p, s) : j <= k
           IN  Stored(o, p, [phase |-> "Executing",
                             step |-> [s EXCEPT ![i] = Intended(o, "intended")],
                             f |-> With(f, i, [NoMember EXCEPT !.pc = "look"])])
     \/ /\ \A i \in Calls(p) : s[i].st # "begun"
        /\ NextCalls(p, s) = {}
        /\ Stored(o, p, Conclude(o, p, s))

-----------------------------------------------------------------------------
(* Taking over an open intent: classify, store it as ours, go on.          *)

(* A call is sent again only if all of this holds.                         *)
Licensed(p, i, gone) ==
  LET s == step[p][i] IN
  /\ Has("absolute only") => p \in Absolute
  /\ Has("proof that the sender is gone") => gone
  /\ Has("no repeat of a lost answer") => ~s.noted
  /\ Has("before-value") /\ p \notin Never =>
       Shown(value[p][i]) = IF s.st = "undoing" THEN "new" ELSE "old"
  /\ Has("expiry") => (s.st = "undoing" \/ ~expired[p])

Recovered(p, i, gone) ==
  IF ~IsOpen(step[p][i]) THEN NoMember
  ELSE IF Licensed(p, i, gone)
  THEN [NoMember EXCEPT !.pc = "look", !.again = TRUE, !.saw = value[p][i]]
  ELSE [NoMember EXCEPT !.pc = "verify", !.out = "unknown"]

(* That a process has ended can be shown, but need not be.  A release is   *)
(* seen at once, the end of a container after a while.                     *)
Provable(p) ==
  {i \in Calls(p) :
     \/ step[p][i].sender = "released"
     \/ /\ step[p][i].sender = "ended"
        /\ Drops("calls land in time") \/ \A c \in flying : c.p # p \/ c.i # i}

RecoverDecide(o, p) ==
  /\ Leads(o) /\ flight[o].p = Nobody
  /\ phase[p] \in Acting /\ ready
  /\ epoch[p] <= term[o]
  /\ \E proven \in SUBSET Provable(p) :
       flight' = [flight EXCEPT ![o] =
         [p |-> p, at |-> "adopt", fresh |-> TRUE,
          inTime |-> phase[p] = "RollingBack" \/ ~expired[p] \/ Has("expiry"),
          m |-> [i \in Slots |-> IF i \in Calls(p) THEN Recovered(p, i, i \in proven)
                                 ELSE NoMember]]]
  /\ UNCHANGED <<api, pd, slow, term, left, wrong>>

AdoptWrite(o) ==
  LET f == flight[o]  p == f.p IN
  /\ f.at = "adopt"
  /\ IF (f.fresh \/ ~Has("compare and swap")) /\ EpochRule(o, p)
     THEN /\ epoch' = [epoch EXCEPT ![p] = term[o]]
          /\ step' = [step EXCEPT ![p] = [i \in Slots |->
                        IF f.m[i].again THEN Intended(o, step[p][i].st) ELSE step[p][i]]]
          /\ Fly(o, [f EXCEPT !.at = "fly"])
     ELSE Drop(o) /\ UNCHANGED <<epoch, step>>
  /\ UNCHANGED <<lease, leaseLeft, ask, approval, said, phase, suspended,
                 expired, pd, slow, term, left, wrong>>

-----------------------------------------------------------------------------
(* PD and those who also change it.                                        *)

Concerned(p) == \/ phase[p] \in Acting
                \/ \E c \in flying : c.p = p
                \/ \E o \in Operators : flight[o].p = p

SomebodyElse(p, i) ==
  /\ Concerned(p) /\ p \in Absolute
  /\ "foreign" \in Faults
  /\ \E v \in {"other"} \cup (IF Drops("nobody sets it back") THEN {"set back"} ELSE {}) :
       value[p][i] # v /\ value' = [value EXCEPT ![p][i] = v]
  /\ UNCHANGED <<api, effects, undone, flying, ready, ops, wrong>>

(* PD restarts: what it had not carried out is lost, and for a while it    *)
(* shows nothing to judge by.                                              *)
PdRestart ==
  /\ ready
  /\ "pd" \in Faults
  /\ ready' = FALSE
  /\ flying' = {}
  /\ flight' = [o \in Operators |-> [flight[o] EXCEPT !.m = [i \in Slots |->
                  IF @[i].pc = "wait" THEN [@[i] EXCEPT !.pc = "note", !.out = "unknown"]
                  ELSE @[i]]]]
  /\ UNCHANGED <<api, value, effects, undone, slow, term, left, wrong>>

PdReady ==
  /\ ~ready
  /\ ready' = TRUE
  /\ UNCHANGED <<api, value, effects, undone, flying, ops, wrong>>

-----------------------------------------------------------------------------
OperatorStep(o) ==
  \/ \E p \in Proposals : Close(o, p) \/ ClaimDecide(o, p) \/ RecoverDecide(o, p)
  \/ ClaimWrite(o) \/ AdoptWrite(o) \/ CallFirst(o) \/ GoOn(o)
  \/ \E i \in Slots : LookLive(o, i) \/ FenceAndSend(o, i) \/ FirstByte(o, i)
                      \/ Note(o, i) \/ Settle(o, i)

Leadership(o) ==
  \/ Acquire(o) \/ Freeze(o) \/ LateRenewalAnswer(o) \/ Thaw(o) \/ LoseTerm(o)
  \/ Crash(o) \/ Stop(o)

Human ==
  \/ \E p \in Proposals : Edit(p) \/ Reject(p) \/ Cancel(p) \/ Resolve(p)
                          \/ \E d \in 0..MaxEdits : Approve(p, d)
  \/ Suspend \/ Unsuspend

Pd ==
  \/ \E c \in flying : Land(c) \/ Vanish(c) \/ GiveUp(c)
  \/ \E p \in Proposals, i \in Slots : i \in Calls(p) /\ SomebodyElse(p, i)
  \/ PdRestart \/ PdReady

Next ==
  \/ Tick \/ DeleteLease \/ Human \/ Pd
  \/ \E p \in Proposals : Expire(p)
  \/ \E o \in Operators : OperatorStep(o) \/ Leadership(o)

(* Fair is what keeps running, not what people or faults do: a leader that *)
(* is not frozen goes on, a crashed pod is started again, time passes, a   *)
(* brake is taken off again some day.                                      *)
Fairness ==
  /\ WF_vars(Tick)
  /\ WF_vars(PdReady)
  /\ WF_vars(Unsuspend)
  /\ WF_vars(\E c \in flying : Land(c) \/ Vanish(c))
  /\ \A p \in Proposals : WF_vars(Expire(p))
  /\ \A o \in Operators :
       /\ WF_vars(~slow[o] /\ OperatorStep(o))
       /\ WF_vars(Acquire(o))
       /\ WF_vars(LoseTerm(o))

Spec == Init /\ [][Next]_vars
FairSpec == Spec /\ Fairness

(* Two ways to count states once that are the same for all that follows:   *)
(* pods are alike, and what has ended and is nowhere in hand is over.      *)
Alike == Permutations(Operators)
Over(p) == phase[p] \in Ended /\ ~Concerned(p)
                              /\ \A i \in Calls(p) : effects[p][i] <= 1 /\ undone[p][i] <= 1
Seen == [p \in Proposals |->
           IF Over(p) THEN <<>>
           ELSE <<ask[p], approval[p], said[p], phase[p], step[p], epoch[p], expired[p],
                  value[p], effects[p], undone[p]>>]
View == <<Seen, lease, leaseLeft, suspended, flying, ready, ops, wrong>>

-----------------------------------------------------------------------------
(* Invariants.  An effect is a change of PD's state by us.                 *)

TypeOK ==
  /\ lease.holder \in Operators \cup {Nobody, "deleted"}
  /\ leaseLeft \in 0..Duration
  /\ \A p \in Proposals : /\ phase[p] \in {"Open"} \cup Acting \cup Ended
                          /\ said[p] \in {"-", "reject", "cancel"}
                          /\ approval[p] \in (0..MaxEdits) \cup {None}
  /\ \A o \in Operators : /\ left[o] \in 0..Renew
                          /\ flight[o].at \in {"-", "claim", "adopt", "fly"}

AtMostOneEffect ==
  \A p \in Proposals : \A i \in Calls(p) : effects[p][i] <= 1 /\ undone[p][i] <= 1

RepeatSparesOthers == "overwrote" \notin wrong
NothingUnapproved == "unapproved" \notin wrong
NothingRejected == "rejected" \notin wrong
NothingExpired == "expired" \notin wrong
BrakesHold == "braked" \notin wrong

(* These two need "check is atomic".                                       *)
NothingSentLate == "late" \notin wrong
NoEffectAfterEnd == "after the end" \notin wrong

(* The epoch in a journal never falls, and no two terms share one.         *)
EpochMonotone == [][\A p \in Proposals : epoch'[p] >= epoch[p]]_vars
TermsDiffer == \A a, b \in Operators : a # b /\ term[a] # 0 => term[a] # term[b]

(* Every approved proposal ends, whoever crashes.                          *)
EveryApprovedEnds ==
  \A p \in Proposals : approval[p] # None ~> (phase[p] \in Ended \/ approval[p] = None)
=============================================================================
