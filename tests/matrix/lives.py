"""Random people write whatever they like, and the operator goes on deciding: nothing may come to
Approved without the right distinct people having said yes to exactly this.

The API server is real, with the shipped policies; the operator's part are its own decisions, played
by ``player``; what may be is told by ``model``, which shares no line with either.
"""

from collections import Counter
from copy import deepcopy
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.model.call import CallOutcome, Did, DidNot, Unknown
from tests.integration.api.kubeapi import Answer
from tests.matrix.model import FROZEN_FROM, NEEDED, Life, may_configure, may_decide
from tests.matrix.player import Player
from tests.matrix.roles import ROLES, Role
from tests.matrix.stage import PROPOSALS, Stage
from tests.matrix.writes import PATCHES, Kind, Object, Place, send

STOP = {"type": "StopEvictLeaders", "stopEvictLeaders": {"storeId": 4}}
MOVE = {"type": "TransferLeader", "transferLeader": {"regionId": 17, "toStoreId": 2}}
WHY = "no colleague can be reached"
BY_NAME = {role.name: role for role in ROLES}
FILERS = tuple(BY_NAME[name] for name in ("proposer", "editor", "second", "gitops", "neighbour"))
DECIDERS = ("low", "medium", "high", "second", "critical", "glass", "typed", "gitops", "admin")

SPOILT = ("name", "right", "digest", "target", "glass", "robots", "own", "unseen")
"""The one thing that is wrong."""

who = st.sampled_from([*ROLES, *(BY_NAME[name] for name in DECIDERS)])
kinds = st.sampled_from(PATCHES)
which = st.integers(0, 2)
outcomes = st.sampled_from([Did("200"), DidNot("500 not leader"), Unknown("reset")])


class Lives(RuleBasedStateMachine):
    """Up to three proposals on one TiKVCluster, and everybody at them."""

    stage: ClassVar[Stage]
    steps: ClassVar[int] = 0
    counts: ClassVar[Counter[str]] = Counter()

    @initialize()
    def begin(self) -> None:
        """A cluster that really acts and forbids no tier; one proposal."""
        cluster = self.stage.cluster(dryRun=False, policy={"maxTier": "Critical"})
        self.player = Player(self.stage, cluster)
        self.begun = False
        self.needed = dict(NEEDED)
        self.lives: list[tuple[Place, Life]] = []
        self.gone: list[str] = []
        """Digests of proposals that were deleted."""
        self.file(BY_NAME["proposer"], STOP)

    @invariant()
    def a_step_is_done(self) -> None:
        """Hypothesis asks after every step, and once after the beginning, which is none."""
        type(self).steps += self.begun
        self.begun = True

    def _count(self, what: str) -> None:
        type(self).counts[what] += 1

    def _life(self, number: int) -> tuple[Place, Life]:
        return self.lives[number % len(self.lives)]

    # What people do

    @precondition(lambda self: len(self.lives) < 3)
    @rule(role=st.sampled_from(FILERS), action=st.sampled_from([STOP, STOP, MOVE]))
    def file(self, role: Role, action: dict[str, Any]) -> None:
        """Somebody asks for something."""
        self._count("file")
        self._file(self.stage.nowhere(PROPOSALS), role, action)

    def _file(self, place: Place, role: Role, action: dict[str, Any]) -> None:
        document = {
            "apiVersion": "assent.tikv.org/v1alpha1",
            "kind": "ActionProposal",
            "metadata": {"name": place.name},
            "spec": {
                "clusterRef": {"name": self.player.cluster.name},
                "proposedBy": role.user,
                "reason": "as asked first",
                "action": action,
            },
        }
        stored = self.stage.kube.call("POST", PROPOSALS, document, by=role.who).ok()
        self.lives.append((place, Life(stored["spec"], stored.get("status", {}))))

    @rule(number=which, often=st.integers(0, 2))
    def file_again(self, number: int, often: int) -> None:
        """The same ask under the same name: nothing that was said of the old one holds."""
        place, life = self._life(number)
        if life.phase in FROZEN_FROM or often:
            return
        self._count("file again")
        self.gone += life.shown
        self.lives.remove((place, life))
        self.stage.kube.call("DELETE", place.path).ok()
        self._file(place, BY_NAME["proposer"], life.spec["action"])

    @rule(
        number=which,
        role=who,
        kind=kinds,
        digest=st.sampled_from(["now", "now", "now", "before", "elsewhere", "wrong", "none"]),
        confirm=st.sampled_from(["right", "right", "wrong", "none"]),
        glass=st.sampled_from([False, False, True]),
    )
    def approve(
        self, number: int, role: Role, kind: Kind, digest: str, confirm: str, glass: bool
    ) -> None:
        """A yes to what stands there, or stood there, or stands elsewhere, or never stood there."""
        place, life = self._life(number)
        entry = {"by": role.user, "decision": "Approve"}
        known = [*life.shown]
        digests = {
            "now": life.status.get("digest", ""),
            "before": known[0] if known else "sha256:0e",
            "elsewhere": self._elsewhere(place),
            "wrong": "sha256:0f",
            "none": "",
        }
        if digests[digest]:
            entry["digest"] = digests[digest]
        target = life.status.get("target", {}).get("id", "store/4")
        typed = {"right": target, "wrong": "store/9", "none": ""}[confirm]
        if typed:
            entry["confirm"] = typed
        if glass:
            entry["breakGlass"] = WHY
        rightful = not life.wrong_with(entry, role.user) and life.voices.get(role.user) != entry
        answer = self._say(number, role, kind, entry)
        self._count("approve")
        if rightful and self._may_write(role):
            assert answer.code < 300, f"a rightful yes is refused: {answer.message}"
            self._count("rightful yes")

    @rule(number=which, role=who, kind=kinds, really=st.integers(0, 4).map(lambda one: one == 3))
    def reject(self, number: int, role: Role, kind: Kind, really: bool) -> None:
        """A no; not too often by those who may, or no life would go on."""
        _, life = self._life(number)
        if really or not may_decide(role.user, life.tier, life.type):
            self._count("reject")
            self._say(number, role, kind, {"by": role.user, "decision": "Reject"})

    @rule(number=which, kind=kinds, seat=st.integers(0, 3))
    def withdraw(self, number: int, kind: Kind, seat: int) -> None:
        """Whoever said something takes it back, a no included."""
        _, life = self._life(number)
        speakers = [role for role in ROLES if role.user in life.voices]
        if not speakers:
            return
        role = speakers[seat % len(speakers)]
        self._count("withdraw")
        left = [entry for by, entry in life.voices.items() if by != role.user]
        self._change(number, role, kind, {"approvals": left or None})

    @rule(number=which, role=who, kind=kinds, all_of_them=st.booleans())
    def erase(self, number: int, role: Role, kind: Kind, all_of_them: bool) -> None:
        """What others said is to vanish, or to be replaced by one's own."""
        _, life = self._life(number)
        if not life.voices.keys() - {role.user}:
            return
        self._count("erase")
        own = {"by": role.user, "decision": "Approve", "digest": life.status.get("digest", "x")}
        self._change(number, role, kind, {"approvals": None if all_of_them else [own]})

    @rule(number=which, role=who, kind=kinds, other=who, glass=st.booleans())
    def forge(self, number: int, role: Role, kind: Kind, other: Role, glass: bool) -> None:
        """Somebody speaks for somebody else."""
        _, life = self._life(number)
        self._count("forge")
        digest = life.status.get("digest", "x")
        entry = {"by": other.user, "decision": "Approve", "digest": digest, "confirm": "store/4"}
        self._say(number, role, kind, entry | ({"breakGlass": WHY} if glass else {}))

    @rule(
        number=which,
        role=who,
        kind=kinds,
        fields=st.sampled_from(
            [
                {"reason": "better"},
                {"reason": "worse"},
                {"action": MOVE},
                {"action": STOP},
                {"notAfter": "soon"},
                {"notAfter": None},
                {"dryRun": False},
            ]
        ),
        author=st.sampled_from(["me", "me", "stays", "other"]),
        keep=st.booleans(),
    )
    def edit(
        self, number: int, role: Role, kind: Kind, fields: dict[str, Any], author: str, keep: bool
    ) -> None:
        """The ask changes, in somebody's name, over what was said of it or without it."""
        _, life = self._life(number)
        self._count("edit")
        change = dict(fields)
        if change.get("notAfter") == "soon":
            change["notAfter"] = f"{self.player.now:%Y-%m-%dT%H:%M:%SZ}".replace("Z", ".000Z")
        authors = {"me": role.user, "stays": life.spec["proposedBy"], "other": "nobody"}
        change["proposedBy"] = authors[author]
        self._change(number, role, kind, change | ({} if keep else {"approvals": None}))

    @rule(number=which, role=who, kind=kinds, own=st.booleans(), often=st.integers(0, 5))
    def cancel(self, number: int, role: Role, kind: Kind, own: bool, often: int) -> None:
        """Stop, in one's own name or another's; or take a stop back."""
        _, life = self._life(number)
        if own and often:
            return
        self._count("cancel")
        stop = None if life.spec.get("cancel") else {"by": role.user if own else "nobody"}
        self._change(number, role, kind, {"cancel": stop})

    @rule(number=which, role=who, kind=kinds, happened=st.booleans(), right=st.booleans())
    def resolve(self, number: int, role: Role, kind: Kind, happened: bool, right: bool) -> None:
        """Somebody says what came of a lost answer."""
        _, life = self._life(number)
        self._count("resolve")
        digest = life.status.get("digest", "x") if right else "sha256:0f"
        outcome = "Happened" if happened else "DidNotHappen"
        said = {"by": role.user, "outcome": outcome, "digest": digest}
        self._change(number, role, kind, {"resolution": said})

    @rule(
        number=which,
        role=who,
        kind=kinds,
        status=st.sampled_from(
            [{"phase": "Approved"}, {"risk": {"tier": "Low"}}, {"authors": []}, {"digest": "x"}]
        ),
        door=st.sampled_from(["", "status"]),
    )
    def write_status(
        self, number: int, role: Role, kind: Kind, status: dict[str, Any], door: str
    ) -> None:
        """Somebody else than the operator's leading pod writes what only that may."""
        if role.name == "operator":
            return
        self._count("write status")
        place, life = self._life(number)
        before = self.player.read(place)
        wanted = deepcopy(before)
        wanted["status"] = {**wanted.get("status", {}), **status}
        by = self.stage.actor(role)
        send(self.stage.kube, kind, place.through(door), before=before, wanted=wanted, by=by)
        after = self.player.read(place)
        assert after.get("status", {}) == life.status, f"{role.name} wrote status"
        assert after["spec"] == life.spec

    @rule(
        role=st.sampled_from(
            [BY_NAME[name] for name in ("configurer", "proposer", "high", "glass")]
        ),
        high=st.sampled_from([1, 2, 3]),
    )
    def configure(self, role: Role, high: int) -> None:
        """Fewer people, or more, are to be asked at High."""
        self._count("configure")
        before = self.player.read(self.player.cluster)
        wanted = deepcopy(before)
        wanted["spec"].setdefault("policy", {}).setdefault("approvalsNeeded", {})["high"] = high
        answer = send(
            self.stage.kube,
            Kind.MERGE,
            self.player.cluster,
            before=before,
            wanted=wanted,
            by=role.who,
        )
        if before != wanted:
            assert (answer.code < 300) == may_configure(role.user), answer.message
        if answer.code < 300:
            self.needed["High"] = high

    # What the world does

    @rule(seconds=st.sampled_from([1, 60, 4000, 50_000]), really=st.integers(0, 3))
    def wait(self, seconds: int, really: int) -> None:
        """Time passes; now and then so much that things expire."""
        self._count("wait")
        self.player.wait(seconds if really == 0 else 1)

    @rule(tier=st.sampled_from([Tier.LOW, Tier.MEDIUM, Tier.HIGH, Tier.HIGH, Tier.CRITICAL]))
    def see_risk(self, tier: Tier) -> None:
        """Facts change: the same action is found to be more, or less, dangerous."""
        self._count("see risk")
        self.player.tier = tier

    # What the operator does

    @rule(number=which, halted=st.booleans())
    def look(self, number: int, halted: bool) -> None:
        """It looks once and stores what it decides; halted, what is approved waits in Approved."""
        self._count("look")
        self.player.halted = halted
        place, life = self._life(number)
        raw = self.player.read(place)
        self._store(life, raw, self.player.think(raw))

    @rule(number=which, role=who, kind=kinds)
    def look_too_late(self, number: int, role: Role, kind: Kind) -> None:
        """Between its look and its write somebody else writes: it must not act on what it saw."""
        self._count("look too late")
        place, life = self._life(number)
        raw = self.player.read(place)
        decided = self.player.think(raw)
        left = [entry for by, entry in life.voices.items() if by != role.user]
        self._change(number, role, kind, {"approvals": left or None, "reason": "too late"})
        if self.player.read(place)["metadata"]["resourceVersion"] != _version(raw):
            answer = self.player.store(raw, decided)
            assert answer is None or answer.code == 409, "it wrote over what it had not seen"
            return
        self._store(life, raw, decided)

    @rule(number=which, halted=st.booleans(), breaks_glass=st.booleans())
    def agree(self, number: int, halted: bool, breaks_glass: bool) -> None:
        """The plain way: it looks, those who may say yes, it looks again.

        Without it few random lives would ever be approved.
        """
        _, life = self._life(number)
        self.look(number, halted)
        willing = self._willing(life)
        for role in willing[: self.needed.get(life.tier, 2) + 1]:
            glass = breaks_glass and role.name == "glass"
            self.approve(number, role, Kind.MERGE, "now", "right", glass)
        self.look(number, halted)

    @rule(number=which)
    def agree_and_wait(self, number: int) -> None:
        """So that many wait in Approved, for whatever comes next."""
        self.agree(number, True, False)

    @rule(number=which, kind=kinds, spoilt=st.sampled_from(SPOILT), other=who)
    def nearly_agree(self, number: int, kind: Kind, spoilt: str, other: Role) -> None:
        """All is as it should be and rightful people are at hand, but for one thing.

        By chance alone a forgery seldom meets the moment in which only one rule stands against it.
        """
        _, life = self._life(number)
        self.look(number, False)
        self._count("nearly agree")
        willing = self._willing(life)
        if spoilt == "right":
            willing = [role for role in ROLES if role not in willing and self._may_write(role)]
        if spoilt == "robots":
            willing = [BY_NAME["gitops"], BY_NAME["robot"]]
        for role in willing[: self.needed.get(life.tier, 2)]:
            if spoilt in ("own", "unseen"):
                editor = role if spoilt == "own" else BY_NAME["editor"]
                change = {"reason": f"{spoilt} by {role.name}", "proposedBy": editor.user}
                self._change(number, editor, kind, {**change, "approvals": None})
            if spoilt == "own":
                self.look(number, False)
            entry = {"by": role.user, "decision": "Approve", "confirm": "store/4"}
            entry["digest"] = life.status.get("digest", "sha256:0e")
            spoils = {
                "name": {"by": other.user},
                "digest": {"digest": "sha256:0f"},
                "target": {"confirm": "store/9"},
                "glass": {"breakGlass": WHY},
            }
            self._say(number, role, kind, entry | spoils.get(spoilt, {}))
        self.look(number, False)

    @rule(number=which, outcome=outcomes, withheld=st.sampled_from([True, True, False]))
    def fly(self, number: int, outcome: CallOutcome, withheld: bool) -> None:
        """What was claimed is stopped before its call, and may be claimed again; or it lands."""
        place, life = self._life(number)
        if life.phase != "Executing":
            return
        self._count("fly")
        raw = self.player.read(place)
        decided = self.player.withheld(raw) if withheld else self.player.landed(raw, outcome)
        if decided is not None:
            answer = self.player.store(raw, decided)
            assert answer is not None
            life.status = answer.ok()["status"]

    # Machinery

    def _store(self, life: Life, raw: Object, decided: Any) -> None:
        before = life.phase
        answer = self.player.store(raw, decided)
        if answer is not None:
            life.looked(answer.ok()["status"], self.player.now, self.needed)
        if life.phase != before:
            type(self).counts[f"to {life.phase}"] += 1

    def _say(self, number: int, role: Role, kind: Kind, entry: dict[str, str]) -> Answer:
        _, life = self._life(number)
        others = [one for by, one in life.voices.items() if by != entry["by"]]
        return self._change(number, role, kind, {"approvals": [*others, entry]})

    def _change(self, number: int, role: Role, kind: Kind, fields: dict[str, Any]) -> Answer:
        """Let the role write these fields of spec; what is stored then must be its own doing."""
        place, life = self._life(number)
        before = self.player.read(place)
        assert before["spec"] == life.spec, "changed by nobody"
        wanted = deepcopy(before)
        for key, value in fields.items():
            if value is None:
                wanted["spec"].pop(key, None)
            else:
                wanted["spec"][key] = value
        by = self.stage.actor(role)
        answer = send(self.stage.kube, kind, place, before=before, wanted=wanted, by=by)
        after = self.player.read(place)
        assert after.get("status", {}) == life.status, "spec's door changed status"
        if answer.code >= 300:
            assert after == before, f"refused, and yet stored: {answer.message}"
        else:
            life.written(role.user, after["spec"])
        return answer

    def _willing(self, life: Life) -> list[Role]:
        """Return those who may say yes at the tier of the moment."""
        deciders = [BY_NAME[name] for name in DECIDERS]
        return [role for role in deciders if may_decide(role.user, life.tier, life.type)]

    def _elsewhere(self, place: Place) -> str:
        """Return a digest that stood on another proposal, gone ones first."""
        others = [digest for at, life in self.lives if at != place for digest in life.shown]
        return next(iter([*self.gone, *others]), "sha256:0e")

    def _may_write(self, role: Role) -> bool:
        return role.name not in (
            "viewer",
            "configurer",
            "halter",
            "unhalter",
            "operator",
            "replica",
        )


def _version(raw: Object) -> str:
    return str(raw["metadata"]["resourceVersion"])
