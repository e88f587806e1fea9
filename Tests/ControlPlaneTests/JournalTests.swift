// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import IKE
import L2TP
import PPP
import Primitives
import Testing

/// What is kept, what is not, and what a verdict is made of, without a network.
struct JournalTests {
    typealias Report = ControlPlane.Event

    private func time(_ seconds: Double) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(seconds * 1e9)) }

    private static func peer(_ number: Int) -> SocketAddress {
        SocketAddress(.v4(0x0A00_0000 + UInt32(number)), port: 500)
    }

    private static func ike(_ trace: UInt64?, _ kind: IKE.Event.Kind, from number: Int = 1) -> Report {
        .ike(IKE.Event(trace: trace.map(TraceID.init(rawValue:)), peer: peer(number), kind: kind))
    }

    private static func ppp(_ trace: UInt64, _ kind: PPP.Event.Kind, from number: Int = 1) -> Report {
        .ppp(PPP.Event(trace: TraceID(rawValue: trace), peer: peer(number), kind: kind))
    }

    private static func l2tp(_ trace: UInt64, _ kind: L2TP.Event.Kind, from number: Int = 1) -> Report {
        .l2tp(L2TP.Event(trace: TraceID(rawValue: trace), peer: peer(number), kind: kind))
    }

    private static func call(_ trace: UInt64, _ kind: CallEvent.Kind, from number: Int = 1) -> Report {
        .call(CallEvent(trace: TraceID(rawValue: trace), peer: peer(number), kind: kind))
    }

    private static let identity = IKE.Event.Kind.phase1Established(
        profile: "office",
        identity: "10.0.0.1",
        transform: Fixture.ikeOffer[0],
        nat: NATFinding(),
        client: .unknown,
        key: nil
    )

    private static let spi = ESPSPI(rawValue: 0x1000).unsafelyUnwrapped

    private static func protection(
        _ integrity: ESPTransform.Integrity = .hmacSHA256_128,
        isEncapsulated: Bool = false
    ) -> IKE.Event.Kind {
        .childEstablished(
            ChildSA.ID(ike: IKESAID(rawValue: 1), inboundSPI: spi),
            outboundSPI: spi,
            transform: ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: integrity),
            isEncapsulated: isEncapsulated
        )
    }

    private static let up = CallEvent.Kind.up(
        userName: "alice",
        address: .v4(0x0A63_0002),
        interface: "cv0",
        mtu: 1400,
        setUp: .seconds(1)
    )
    private static let down = CallEvent.Kind.down(
        userName: "alice",
        address: .v4(0x0A63_0002),
        because: "the peer hung up",
        after: .seconds(9)
    )
    private static let mismatch = ProposalMismatch(
        offered: ["3des-md5-modp1024"],
        accepted: ["aes256-sha256-ecp256"],
        closest: nil,
        missing: []
    )
    private static let refused = PPP.Event.Kind.userRefused(
        userName: "alice",
        method: .mschapv2,
        .wrongPassword,
        isFinal: true
    )

    private static func succeed(_ trace: UInt64, from number: Int = 1) -> [Report] {
        [
            ike(trace, .started(profile: "office"), from: number), ike(trace, identity, from: number),
            ike(trace, protection(), from: number),
            call(trace, .tunnelOpening(hostName: "laptop", vendorName: nil), from: number),
            call(trace, up, from: number), call(trace, down, from: number),
        ]
    }

    private static func fail(_ trace: UInt64, from number: Int = 1) -> [Report] {
        [
            ike(trace, .started(profile: "office"), from: number), ike(trace, identity, from: number),
            ike(trace, .noProposalChosen(.two, mismatch), from: number),
        ]
    }

    private static func fill(_ journal: inout Journal, _ traces: Range<UInt64>, _ make: (UInt64) -> [Report]) {
        for trace in traces {
            for event in make(trace) {
                journal.record(event, at: MonotonicTime(nanoseconds: Int64(trace) * 1_000_000))
            }
        }
    }

    private func journal(traces: Int = 100, failed: Int = 32) -> Journal {
        var limits = Journal.Limits()
        limits.traces = traces
        limits.failed = failed
        return Journal(limits: limits)
    }

    private func verdict(_ reports: [(Double, Report)]) -> TraceSnapshot {
        var journal = journal()
        for (at, report) in reports { journal.record(report, at: time(at)) }
        let end = time(reports.last?.0 ?? 0)
        let trace = journal.all.first
        return Explanation(of: trace, nil, traceLimit: 100, at: end).snapshot
    }

    // MARK: Bounds

    /// As Docs/Memory.md reckons.
    @Test func anEntryIsSmall() {
        #expect(MemoryLayout<Trace.Entry>.stride <= 144)
        #expect(MemoryLayout<Trace>.stride <= 128)
    }

    @Test func successesPushOutSuccessesAlone() {
        var journal = journal()
        Self.fill(&journal, 0..<20) { Self.fail($0, from: Int($0)) }
        Self.fill(&journal, 1000..<6000) { Self.succeed($0) }
        #expect(journal.all.count { $0.state == .failed } == 20)
        #expect(journal.all.count { $0.state == .ended } == 100)
        #expect(journal.trace(TraceID(rawValue: 5999))?.state == .ended)
        #expect(journal.trace(TraceID(rawValue: 5899)) == nil)
    }

    @Test func failuresPushOutFailuresAlone() {
        var journal = journal()
        Self.fill(&journal, 0..<50) { Self.succeed($0) }
        Self.fill(&journal, 1000..<6000) { Self.fail($0, from: Int($0)) }
        #expect(journal.all.count { $0.state == .ended } == 50)
        #expect(journal.all.count { $0.state == .failed } == 32)
        #expect(journal.trace(TraceID(rawValue: 5999))?.state == .failed)
    }

    /// A sixteenth for each address.
    @Test func aClientThatFailsAgainAndAgainLeavesRoomForOthers() {
        var journal = journal()
        Self.fill(&journal, 0..<10) { Self.fail($0, from: Int($0) + 10) }
        Self.fill(&journal, 1000..<2000) { Self.fail($0, from: 1) }
        #expect(journal.all.count == 12)
        #expect(journal.trace(TraceID(rawValue: 0)) != nil)
        #expect(journal.trace(TraceID(rawValue: 1999)) != nil && journal.trace(TraceID(rawValue: 1998)) != nil)
    }

    @Test func strangersPushOutStrangersAlone() {
        var journal = journal()
        Self.fill(&journal, 0..<50) { Self.succeed($0) }
        Self.fill(&journal, 100..<120) { Self.fail($0, from: Int($0)) }
        Self.fill(&journal, 1000..<21_000) { [Self.ike($0, .started(profile: "office"), from: Int($0))] }
        Self.fill(&journal, 30_000..<50_000) { trace in
            [Self.ike(trace, .noProposalChosen(.one, Self.mismatch), from: Int(trace))]
        }
        Self.fill(&journal, 60_000..<80_000) { [Self.ike(nil, .unsupportedVersion(major: 2, minor: 0), from: Int($0))] }
        #expect(journal.all.count { $0.state == .ended } == 50)
        #expect(journal.all.count { $0.state == .failed && !$0.isOfStrangers } == 20)
        #expect(journal.all.count { $0.state == .opening } == 32)
        #expect(journal.all.count(where: \.isOfStrangers) == 256)
        #expect(journal.count == 50 + 20 + 32 + 256)
    }

    @Test func anAddressHasOneEntryForItsRefusedFirstMessages() throws {
        var journal = journal()
        for number in 0..<1000 {
            let trace = UInt64(number)
            journal.record(Self.ike(trace, .noProposalChosen(.one, Self.mismatch)), at: time(Double(number)))
        }
        journal.record(Self.ike(nil, .noProfile), at: time(1000))
        let trace = try #require(journal.newest(of: Self.peer(1).address))
        #expect(journal.count == 1)
        #expect(trace.entries.map(\.repetitions) == [999, 0])
        #expect(journal.trace(TraceID(rawValue: 999)) == trace)
        let snapshot = Explanation(of: trace, nil, traceLimit: 1, at: time(1000)).snapshot
        #expect(snapshot.steps.map(\.count) == [1000, nil])
        #expect(snapshot.verdict?.event == "no-profile")
    }

    @Test func aTraceKeepsItsBeginningAndItsEnd() throws {
        var journal = journal()
        for event in Self.succeed(1).dropLast() { journal.record(event, at: time(0)) }
        for number in 0..<500 {
            journal.record(
                Self.l2tp(1, .unknownTunnel(TunnelID(rawValue: UInt16(number + 1)))),
                at: time(Double(number))
            )
        }
        let trace = try #require(journal.trace(TraceID(rawValue: 1)))
        #expect(trace.entries.count == 64)
        #expect(trace.leftOut == 505 - 64)
        #expect(trace.entries.prefix(5).map(\.event) == Array(Self.succeed(1).dropLast()))
        #expect(trace.entries.suffix(32).map(\.at) == (468..<500).map { time(Double($0)) })
        #expect(trace.state == .up)
    }

    @Test func theSameAtOnceIsCounted() throws {
        var journal = journal()
        journal.record(Self.ike(1, .started(profile: "office")), at: time(0))
        for number in 1...9 { journal.record(Self.ppp(1, .answersLimited(.lcp)), at: time(Double(number))) }
        let trace = try #require(journal.trace(TraceID(rawValue: 1)))
        #expect(trace.entries.count == 2)
        #expect(trace.entries.last?.repetitions == 8)
        #expect(trace.entries.last?.at == time(1) && trace.lastAt == time(9))
    }

    @Test func listsAndTextsOfPeersAreCut() throws {
        let long = String(repeating: "x", count: 5000)
        let many = ProposalMismatch(
            offered: Array(repeating: long, count: 1000),
            accepted: ["aes256-sha256-ecp256"],
            closest: nil,
            missing: []
        )
        let attribute = IKEv1.Attribute(type: 1, value: .variable(Array(repeating: 1, count: 60_000)))
        let transform = IKEv1.Transform(number: 1, id: 1, attributes: Array(repeating: attribute, count: 32))
        let proposal = IKEv1.Proposal(
            number: 1,
            protocolID: .isakmp,
            spi: [],
            transforms: Array(repeating: transform, count: 128)
        )
        var journal = journal()
        journal.record(Self.ike(1, .started(profile: "office")), at: time(0))
        let offer = IKEv1.SAPayload(proposals: [proposal, proposal])
        for number in 0..<6 {
            let chosen = "chosen \(number)"
            journal.record(Self.ike(1, .proposalChosen(.one, offered: offer, chosen: chosen)), at: time(1))
        }
        journal.record(Self.ike(1, .noProposalChosen(.two, many)), at: time(2))
        journal.record(Self.l2tp(1, .noSecret(hostName: long)), at: time(2))
        journal.record(Self.ppp(1, .identification(long)), at: time(3))
        journal.record(Self.call(1, .tunnelOpening(hostName: long, vendorName: long)), at: time(3))
        journal.record(Self.ike(nil, .noProposalChosen(.one, many), from: 2), at: time(4))
        #expect(String(describing: journal.all).utf8.count < 400_000)
        let snapshot = Explanation(of: journal.trace(TraceID(rawValue: 1)), nil, traceLimit: 1, at: time(5)).snapshot
        #expect(snapshot.steps.allSatisfy { $0.text.utf8.count < 5_000 })
        #expect(snapshot.steps.contains { $0.text == "chosen chosen 5" })
    }

    @Test func aForgottenCallIsRememberedForItsEndAlone() throws {
        var journal = journal()
        journal.record(Self.ike(7, .peerMoved(from: Self.peer(2))), at: time(1))
        journal.record(Self.ike(7, Self.protection()), at: time(1))
        #expect(journal.count == 0)
        journal.record(Self.ike(7, .deadPeer(silence: .seconds(150), children: 1)), at: time(2))
        journal.record(Self.call(7, Self.down), at: time(2))
        let trace = try #require(journal.trace(TraceID(rawValue: 7)))
        let snapshot = Explanation(of: trace, nil, traceLimit: 100, at: time(3)).snapshot
        #expect(snapshot.state == "failed")
        #expect(snapshot.verdict?.event == "dead-peer")
        #expect(snapshot.note == "what came before the first step is no longer kept: limits.traces is 100")
    }

    @Test func aForgottenAttemptOfAStrangerIsNotRemembered() {
        var journal = journal()
        journal.record(Self.ike(7, .authenticationFailed(.preSharedKeyDiffers, profile: "office")), at: time(1))
        #expect(journal.count == 0)
    }

    @Test func anHeirSpeaksForItsFormer() throws {
        var journal = journal()
        for event in Self.succeed(1).dropLast() { journal.record(event, at: time(0)) }
        for heir in UInt64(2)...9 {
            journal.record(Self.ike(heir, .started(profile: "office")), at: time(Double(heir)))
            journal.record(Self.ike(heir, Self.identity), at: time(Double(heir)))
            journal.join(TraceID(rawValue: heir), to: TraceID(rawValue: 1))
            journal.record(Self.ike(heir, Self.protection()), at: time(Double(heir)))
        }
        #expect(journal.count == 1)
        let trace = try #require(journal.trace(TraceID(rawValue: 9)))
        #expect(trace.id == TraceID(rawValue: 1) && trace.state == .up)
        #expect(trace.entries.map(\.at) == trace.entries.map(\.at).sorted())
        // The newest four are enough: IKE SAs do not live longer side by side.
        #expect(journal.trace(TraceID(rawValue: 5)) == nil && journal.trace(TraceID(rawValue: 6)) != nil)
        journal.record(Self.call(1, Self.down), at: time(20))
        #expect(journal.trace(TraceID(rawValue: 9))?.state == .ended)
    }

    @Test func theLastIsWhoEndedOrFailedLast() throws {
        var journal = journal()
        #expect(journal.last == nil)
        journal.record(Self.ike(1, .started(profile: "office")), at: time(1))
        #expect(journal.last?.id == TraceID(rawValue: 1))
        for event in Self.fail(2) { journal.record(event, at: time(2)) }
        for event in Self.succeed(3) { journal.record(event, at: time(3)) }
        journal.record(Self.ike(4, .started(profile: "office")), at: time(4))
        #expect(journal.last?.id == TraceID(rawValue: 3))
        #expect(journal.newest(of: Self.peer(1).address)?.id == TraceID(rawValue: 4))
        #expect(journal.newest(of: Self.peer(2).address) == nil)
    }

    // MARK: Words

    private static func offer(_ groups: [UInt16]) -> IKEv1.SAPayload {
        let transforms = groups.enumerated().map { number, group in
            IKEv1.Transform(
                number: UInt8(number + 1),
                id: 1,
                attributes: [
                    IKEv1.Attribute(1, 7), IKEv1.Attribute(14, 256), IKEv1.Attribute(2, 2), IKEv1.Attribute(3, 1),
                    IKEv1.Attribute(4, group),
                ]
            )
        }
        return IKEv1.SAPayload(
            proposals: [IKEv1.Proposal(number: 1, protocolID: .isakmp, spi: [], transforms: transforms)]
        )
    }

    @Test(arguments: [
        ("aes256-sha1-ecp384", "the peer's first"), ("aes256-sha1-modp2048", "what the profile prefers among them"),
    ])
    func whatWasOfferedIsToldBeforeWhatCameOfIt(_ chosen: String, _ why: String) {
        let snapshot = verdict([
            (0, Self.ike(1, .started(profile: "office"))), (1, Self.ike(1, Self.identity)),
            (1, Self.ike(1, .proposalChosen(.one, offered: Self.offer([20, 14]), chosen: chosen))),
        ])
        #expect(snapshot.steps.map(\.event) == ["started", "phase1-chosen", "phase1-established"])
        #expect(
            snapshot.steps[1].text == "offered aes256-sha1-ecp384, aes256-sha1-modp2048; chosen \(chosen) (\(why))"
        )
    }

    @Test func whatIsKnownOfThePeerIsToldWithItsProof() {
        var nat = NATFinding()
        nat.isPeerBehindNAT = true
        nat.isLocalBehindNAT = true
        let snapshot = verdict([
            (0, Self.ike(1, .started(profile: "office"))),
            (
                1,
                Self.ike(
                    1,
                    .phase1Established(
                        profile: "office",
                        identity: "10.0.0.1",
                        transform: Fixture.ikeOffer[0],
                        nat: nat,
                        client: .windows,
                        key: "2026"
                    )
                )
            ),
        ])
        #expect(snapshot.client == "windows" && snapshot.profile == "office")
        #expect(
            snapshot.steps[1].text == "the peer 10.0.0.1 has proved to know the key 2026; aes256-sha256-ecp256; "
                + "both ends behind NAT; client windows"
        )
        #expect(snapshot.steps[1].fields["nat"] == "both")
    }

    // MARK: Verdicts

    @Test func aRefusalBeatsTheSilenceAfterIt() {
        let snapshot = verdict([
            (0, Self.ike(1, .started(profile: "office"))), (0, Self.ike(1, Self.identity)),
            (1, Self.ike(1, .noProposalChosen(.two, Self.mismatch))),
            (2, Self.ike(1, .exchangeTimeout("quick mode before message 3"))),
            (3, Self.ike(1, .deadPeer(silence: .seconds(9), children: 0))),
        ])
        #expect(snapshot.state == "failed")
        #expect(snapshot.verdict?.event == "no-proposal-chosen" && snapshot.verdict?.layer == "esp")
    }

    @Test func theFirstRefusalIsTheOneThatOthersFollowFrom() {
        let error = DataPlaneError(step: "XFRM_MSG_NEWSA", code: 12)
        let snapshot = verdict([
            (0, Self.ike(1, .started(profile: "office"))), (0, Self.ike(1, Self.identity)),
            (1, Self.call(1, .kernelRefused(error))), (1, Self.ike(1, .installFailed(error))),
        ])
        #expect(snapshot.verdict?.event == "request-refused" && snapshot.verdict?.layer == "kernel")
    }

    @Test func whatWasOvercomeIsNoCause() {
        let begin = Array(Self.succeed(1).prefix(4)).map { (0.0, $0) }
        let again = PPP.Event.Kind.userRefused(userName: "alice", method: .pap, .wrongPassword, isFinal: false)
        let snapshot = verdict(
            begin + [
                (1, Self.ppp(1, again)), (2, Self.ppp(1, .authenticated(userName: "alice", method: .pap))),
                (3, Self.call(1, .noAddress(userName: "alice", fixed: nil))), (4, Self.call(1, Self.down)),
            ]
        )
        #expect(snapshot.verdict?.event == "no-address")
        let up = verdict(begin + [(1, Self.ppp(1, again)), (2, Self.call(1, Self.up)), (3, Self.call(1, Self.down))])
        #expect(up.state == "ended" && up.verdict == nil)
    }

    @Test func aRefusalThatIsOvercomeLeavesTheCallOpen() {
        let snapshot = verdict([
            (0, Self.ike(1, .started(profile: "office"))), (0, Self.ike(1, Self.identity)),
            (1, Self.ike(1, .noProposalChosen(.two, Self.mismatch))), (2, Self.ike(1, Self.protection())),
        ])
        #expect(snapshot.state == "opening" && snapshot.verdict == nil)
    }

    @Test func aGoodbyeIsAVerdictOnlyBeforeTheCallWasUp() {
        let begin = Array(Self.succeed(1).prefix(4)).map { (0.0, $0) }
        let goodbye = Self.ppp(1, .terminatedByPeer(message: "busy"))
        let before = verdict(begin + [(1, goodbye), (1, Self.call(1, Self.down))])
        #expect(before.state == "failed")
        #expect(
            before.verdict?.text == "the peer gave up while the L2TP tunnel was set up: The peer said goodbye: busy"
        )
        let after = verdict(begin + [(1, Self.call(1, Self.up)), (2, goodbye), (2, Self.call(1, Self.down))])
        #expect(after.state == "ended" && after.verdict == nil)
    }

    @Test func aCallThatWasUpFailsForWhatHappenedOfLate() {
        let begin = Array(Self.succeed(1).prefix(5)).map { (0.0, $0) }
        let silent = Self.ppp(1, .echoTimeout(unanswered: 5, silence: .seconds(150)))
        let recent = verdict(begin + [(1000, silent), (1000, Self.call(1, Self.down))])
        #expect(recent.state == "failed" && recent.verdict?.event == "echo-timeout")
        let refusal = Self.ike(1, .noProposalChosen(.two, Self.mismatch))
        let old = verdict(begin + [(1000, refusal), (1301, Self.call(1, Self.down))])
        #expect(old.state == "ended" && old.verdict == nil)
        let young = verdict(begin + [(1000, refusal), (1299, Self.call(1, Self.down))])
        #expect(young.state == "failed" && young.verdict?.event == "no-proposal-chosen")
    }

    @Test func whatComesAfterTheEndIsNoCause() {
        let begin = Self.succeed(1).map { (0.0, $0) }
        let snapshot = verdict(
            begin + [(150, Self.call(1, .noTunnel(after: .seconds(150)))), (150, Self.ike(1, .closed))]
        )
        #expect(snapshot.state == "ended" && snapshot.verdict == nil)
    }

    @Test func anotherCallThroughTheSameTunnelIsJudgedByItself() {
        let begin = Self.succeed(1).map { (0.0, $0) }
        let snapshot = verdict(
            begin + [
                (5, Self.call(1, .sessionEstablished(KernelSessionID(tunnel: 1, session: 2)))),
                (6, Self.ppp(1, Self.refused)), (7, Self.call(1, Self.down)),
            ]
        )
        #expect(snapshot.state == "failed" && snapshot.verdict?.event == "user-refused")
    }

    @Test(arguments: [
        (IKE.Event.Kind.deletedByPeer(ikeSA: true, children: 1), "the peer closed the IKE SA"),
        (.deadPeer(silence: .seconds(35), children: 1), "the peer was not heard for 35 s and is taken for gone"),
    ])
    func espWithoutL2TPIsAVerdictOfItsOwn(_ end: IKE.Event.Kind, _ words: String) {
        let begin = Array(Self.succeed(1).prefix(3)).map { (0.0, $0) }
        let snapshot = verdict(begin + [(35, Self.ike(1, end))])
        #expect(snapshot.verdict?.layer == "l2tp" && snapshot.verdict?.event == "l2tp-never-came")
        #expect(
            snapshot.verdict?.text == "IPsec is up, but in 35 s nothing of L2TP arrived through it; then \(words)"
        )
        #expect(snapshot.verdict?.remedy?.contains("sha256-truncation") == true)
    }

    @Test func theRemedyFollowsWhatESPIs() {
        let begin = Array(Self.succeed(1).prefix(2)).map { (0.0, $0) }
        let end = (35.0, Self.ike(1, .deletedByPeer(ikeSA: true, children: 1)))
        let encapsulated = verdict(
            begin + [(0, Self.ike(1, Self.protection(.hmacSHA1_96, isEncapsulated: true))), end]
        )
        #expect(encapsulated.verdict?.remedy?.hasPrefix("let UDP 4500 pass") == true)
        #expect(encapsulated.verdict?.remedy?.contains("sha256") == false)
        let plain = verdict(begin + [(0, Self.ike(1, Self.protection(.hmacSHA256_96))), end])
        #expect(plain.verdict?.remedy?.hasPrefix("let ESP (IP protocol 50) pass") == true)
        #expect(plain.verdict?.remedy?.contains("sha256") == true)
    }

    @Test func l2tpThatCameIsNotMissed() {
        let begin = Array(Self.succeed(1).prefix(4)).map { (0.0, $0) }
        let snapshot = verdict(begin + [(35, Self.ike(1, .deletedByPeer(ikeSA: true, children: 1)))])
        #expect(snapshot.verdict?.event == "deleted-by-peer")
        #expect(
            snapshot.verdict?.text == "the peer gave up while the L2TP tunnel was set up: the peer closed the IKE SA"
        )
    }

    @Test func whatAnAdministratorEndsHasNotFailed() {
        let begin = Array(Self.succeed(1).prefix(3)).map { (0.0, $0) }
        let snapshot = verdict(begin + [(5, Self.ike(1, .closed))])
        #expect(snapshot.state == "ended" && snapshot.verdict == nil)
    }
}
