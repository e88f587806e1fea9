// SPDX-License-Identifier: Apache-2.0
import Cryptography
import L2TP
import Primitives
import Simulation
import Testing

/// A whole LNS and whole LACs on a wire, in virtual time.
struct EndpointTests {
    private var configuration = Configuration(hostName: "lns")
    private var manyCalls: Configuration {
        var configuration = configuration
        configuration.sessionsPerTunnelLimit = 100
        return configuration
    }

    @Test func aCallComesUpInTheOrderOfTheRFC() {
        let wire = LossyWire.established()
        #expect(
            wire.log == [
                "> SCCRQ", "< SCCRP", "> SCCCN", "> ICRQ", "< ZLB", "< ICRP", "> ICCN", "< ZLB",
            ]
        )
        #expect(
            wire.names == ["connectionOpening", "connectionEstablished", "sessionOpening", "sessionEstablished"]
        )
        #expect(wire.lacs[0].state == .established)
        #expect(wire.lacs[0].calls.map(\.state) == [.established])
        #expect(wire.endpoint.isSettled && wire.lacs[0].isSettled)
    }

    /// The socket is connected before anything is sent on it, and the owner knows of a session before its peer does.
    @Test func tellsTheOwnerBeforeThePeer() {
        var endpoint = Endpoint(configuration: configuration, entropy: SeededEntropy(seed: 1))
        var lac = LossyWire.lac()
        func receive(_ datagrams: [[UInt8]]) -> [Endpoint.Effect] {
            datagrams.flatMap {
                endpoint.receive($0, on: socket(0), from: address(0), trace: someTrace, at: seconds(0))
            }
        }
        func answer(_ effects: [Endpoint.Effect]) -> [[UInt8]] {
            effects.flatMap { effect -> [[UInt8]] in
                guard case .transmit(let datagram, let socket, let peer) = effect else { return [] }
                #expect(socket == L2TPTests.socket(0) && peer == address(0))
                return lac.receive(datagram, at: seconds(0))
            }
        }
        let opening = receive(lac.start(at: seconds(0)))
        #expect(opening.map(\.name) == ["connectionOpening", "SCCRP"])
        let established = receive(answer(opening))
        #expect(established.map(\.name) == ["connectionEstablished", "ZLB"])
        _ = answer(established)
        let session = receive(lac.openSession(at: seconds(0)))
        #expect(session.map(\.name) == ["sessionOpening", "ICRP"])
        #expect(receive(answer(session)).map(\.name) == ["sessionEstablished", "ZLB"])
    }

    @Test func snapshotsShowWhatThereIs() throws {
        let wire = LossyWire.established(calls: 2)
        let connection = try #require(wire.endpoint.snapshots.first)
        #expect(wire.endpoint.snapshots.count == 1)
        #expect(connection.id == wire.tunnels.first)
        #expect(connection.peerID == wire.lacs[0].id)
        #expect(connection.socket == socket(0))
        #expect(connection.peer == address(0))
        #expect(connection.hostName == "lac")
        #expect(connection.state == "established")
        #expect(connection.sessionCount == 2)
        let sessions = wire.endpoint.sessions(of: connection.id)
        #expect(Set(sessions.map(\.key)) == Set(wire.sessions))
        #expect(Set(sessions.map(\.peerSession)) == Set(wire.lacs[0].calls.map(\.id)))
        #expect(
            sessions.allSatisfy { $0.isEstablished && !$0.usesSequenceNumbers && $0.peerTunnel == connection.peerID }
        )
        #expect(wire.endpoint.snapshot(of: wire.sessions[0])?.callSerialNumber == 1)
        #expect(wire.endpoint.snapshot(of: SessionKey(tunnel: connection.id, session: session(1))) == nil)
    }

    // MARK: - A bad wire

    /// Whatever single datagram of a whole call is lost: it comes up, carries a frame, and goes down.
    @Test(arguments: 0..<14) func survivesTheLossOfAnyOneDatagram(_ lost: Int) {
        var wire = LossyWire { number, _ in number == lost ? .isLost : .arrives }
        wire.lac { $0.start(at: $1) }
        wire.lac { $0.openSession(at: $1) }
        wire.run(for: .seconds(10))
        #expect(wire.lacs[0].calls.map(\.state) == [.established])
        #expect(wire.names.count { $0 == "connectionOpening" } == 1)
        #expect(wire.names.count { $0 == "sessionOpening" } == 1)
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1])
        wire.lac { $0.hangUp(call: 0, at: $1) }
        wire.run(for: .seconds(5))
        wire.lac { $0.hangUp(at: $1) }
        wire.run(for: .seconds(5))
        #expect(wire.names.suffix(3) == ["sessionClosed", "(tunnel-stopped)", "connectionClosed"])
        #expect(wire.lacs[0].isSettled)
        wire.run(for: .seconds(40))
        #expect(wire.endpoint.snapshots.isEmpty)
    }

    @Test func survivesTheLossOfEverySecondDatagram() {
        var wire = LossyWire { number, _ in number % 2 == 0 ? .isLost : .arrives }
        wire.lac { $0.start(at: $1) }
        wire.lac { $0.openSession(at: $1) }
        wire.run(for: .seconds(60))
        #expect(wire.lacs[0].calls.map(\.state) == [.established])
        #expect(wire.tunnels.count == 1)
        #expect(wire.sessions.count == 1)
    }

    @Test func everyDatagramDoubledMakesOneTunnelAndOneSession() {
        var wire = LossyWire { _, _ in .isDoubled }
        wire.lac { $0.start(at: $1) }
        wire.lac { $0.openSession(at: $1) }
        wire.run(for: .seconds(10))
        #expect(wire.tunnels.count == 1)
        #expect(wire.sessions.count == 1)
        #expect(wire.names == ["connectionOpening", "connectionEstablished", "sessionOpening", "sessionEstablished"])
        #expect(wire.lacs[0].calls.map(\.state) == [.established])
    }

    @Test("L09: a thousand copies of an SCCRQ make one tunnel, one SCCRP, and a bounded number of ZLBs")
    func aThousandCopiesOfAnSCCRQMakeOneTunnel() {
        var wire = LossyWire()
        var copies: [[UInt8]] = []
        wire.lac { lac, now in
            copies = lac.start(at: now)
            return []
        }
        for _ in 0..<1000 { wire.lac { _, _ in copies } }
        wire.run(for: .seconds(1))
        #expect(wire.tunnels.count == 1)
        #expect(wire.endpoint.snapshots.count == 1)
        #expect(wire.log.count { $0 == "< SCCRP" } == 1)
        #expect((1...33).contains(wire.log.count { $0 == "< ZLB" }))
        wire.run(for: .seconds(5))
        #expect(wire.lacs[0].state == .established)
    }

    /// A copy that was under way for half a minute, while the tunnel came up without it.
    @Test("L09: a copy of an SCCRQ that comes 30 seconds late is only acknowledged")
    func aLateCopyOfAnSCCRQIsOnlyAcknowledged() {
        var wire = LossyWire()
        var request: [[UInt8]] = []
        wire.lac { lac, now in
            request = lac.start(at: now)
            return request
        }
        wire.run(for: .seconds(30))
        wire.lac { _, _ in request }
        wire.run(for: .seconds(1))
        #expect(wire.names == ["connectionOpening", "connectionEstablished"])
        #expect(wire.log == ["> SCCRQ", "< SCCRP", "> SCCCN", "< ZLB", "> SCCRQ", "< ZLB"])
    }

    @Test func survivesReordering() {
        // Every third datagram takes half a second longer, and so arrives behind later ones.
        var wire = LossyWire(manyCalls) { number, _ in number % 3 == 2 ? .isLate(.milliseconds(500)) : .arrives }
        wire.lac { $0.start(at: $1) }
        for _ in 0..<20 { wire.lac { $0.openSession(at: $1) } }
        wire.run(for: .seconds(30))
        #expect(wire.lacs[0].calls.allSatisfy { $0.state == .established })
        #expect(wire.sessions.count == 20)
        #expect(wire.tunnels.count == 1)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func survivesAQuarterOfEverythingBeingLost(_ seed: UInt64) {
        let chance = SeededEntropy(seed: seed)
        var configuration = manyCalls
        configuration.retransmissionLimit = 30
        configuration.establishmentLimit = .seconds(600)
        var wire = LossyWire(configuration) { _, _ in chance.integer(in: 0...3) == 0 ? .isLost : .arrives }
        wire.lac { $0.start(at: $1) }
        for _ in 0..<5 { wire.lac { $0.openSession(at: $1) } }
        wire.run(for: .seconds(300))
        // The LAC gives up as the RFC says, the LNS is more patient here.
        guard wire.lacs[0].state != .gaveUp else { return }
        #expect(wire.lacs[0].calls.allSatisfy { $0.state == .established })
        #expect(wire.sessions.count == 5)
        #expect(wire.names.count { $0 == "sessionEstablished" } == 5)
    }

    /// Android's habits: a window of one, a ZLB for everything, before the answer.
    @Test func servesAPeerWithAWindowOfOne() {
        let lac = LossyWire.lac {
            $0.receiveWindowSize = 1
            $0.acknowledgesAtOnce = true
        }
        let wire = LossyWire.established(lac: lac, calls: 3)
        #expect(wire.lacs[0].calls.map(\.state) == [.established, .established, .established])
        #expect(wire.log.count { $0 == "< ICRP" } == 3)
    }

    // MARK: - Frames

    /// An eager client sends its first frame with its ICCN: it must not wait for a retransmission.
    @Test func framesAreTakenAsSoonAsThereIsASession() {
        var wire = LossyWire.established(lac: LossyWire.lac { $0.answersCalls = false })
        #expect(wire.names.last == "sessionOpening")
        wire.lac { lac, _ in lac.send(frame: [0xFF, 0x03, 0xC0, 0x21, 1]) }
        wire.run(for: .seconds(1))
        #expect(wire.frames == [[0xFF, 0x03, 0xC0, 0x21, 1]])
    }

    @Test func framesReachThePeer() throws {
        var wire = LossyWire.established()
        let key = try #require(wire.sessions.first)
        let sent = wire.endpoint.dataMessage(carrying: [0xC0, 0x21, 7], for: key)
        let message = try #require(sent)
        #expect(message.socket == socket(0) && message.peer == address(0))
        wire.lac { $0.receive(message.datagram, at: $1) }
        #expect(wire.lacs[0].calls[0].receivedFrames == [[0xC0, 0x21, 7]])
        #expect(wire.lacs[0].calls[0].receivedNs == [nil])
        let lost = wire.endpoint.dataMessage(carrying: [1], for: SessionKey(tunnel: key.tunnel, session: session(1)))
        #expect(lost == nil)
    }

    @Test func sequenceNumbersAreCountedWhereTheLACRequiresThem() throws {
        var wire = LossyWire.established(lac: LossyWire.lac { $0.requiresSequencing = true })
        let key = try #require(wire.sessions.first)
        #expect(wire.endpoint.snapshot(of: key)?.usesSequenceNumbers == true)
        for _ in 0..<3 {
            let sent = wire.endpoint.dataMessage(carrying: [1], for: key)
            let message = try #require(sent)
            wire.lac { $0.receive(message.datagram, at: $1) }
        }
        #expect(wire.lacs[0].calls[0].receivedNs == [0, 1, 2].map { SequenceNumber($0) })
    }

    @Test("L16: a frame of an unknown session is counted and dropped")
    func aFrameOfAnUnknownSessionIsCountedAndDropped() {
        var wire = LossyWire.established()
        let unknown = DataHeader(tunnel: wire.tunnels[0], session: session(1)).datagram(around: [1])
        wire.lac { _, _ in [unknown, DataHeader(tunnel: nil, session: nil).datagram(around: [1])] }
        wire.run(for: .seconds(1))
        #expect(wire.names.suffix(2) == ["(data-for-unknown-session)", "(data-for-unknown-session)"])
    }

    // MARK: - Authentication

    @Test func bothEndsProveThatTheyKnowTheSecret() {
        var configuration = configuration
        configuration.secret = secret("shared")
        let wire = LossyWire.established(configuration, lac: LossyWire.lac(secret: secret("shared")))
        #expect(wire.lacs[0].calls.map(\.state) == [.established])
        #expect(wire.names.contains("sessionEstablished"))
    }

    @Test func hiddenAVPsAreRead() {
        var configuration = configuration
        configuration.secret = secret("shared")
        let lac = LossyWire.lac(secret: secret("shared")) { $0.hides = true }
        let wire = LossyWire.established(configuration, lac: lac)
        #expect(wire.lacs[0].calls.map(\.state) == [.established])
    }

    @Test func aLACWithoutTheSecretIsRefused() {
        var configuration = configuration
        configuration.secret = secret("shared")
        let wire = LossyWire.established(configuration, lac: LossyWire.lac())
        #expect(wire.names == ["connectionOpening", "(tunnel-authentication-failed)", "connectionClosed"])
        #expect(wire.lacs[0].state == .stopped(ResultCode(4)))
    }

    @Test func aLACWithAnotherSecretSeesThatWeHaveNot() {
        var configuration = configuration
        configuration.secret = secret("shared")
        let wire = LossyWire.established(configuration, lac: LossyWire.lac(secret: secret("other")))
        #expect(wire.lacs[0].state == .distrustful)
        #expect(wire.names == ["connectionOpening", "(tunnel-stopped)", "connectionClosed"])
    }

    @Test func aChallengeWithoutASecretHereIsRefused() {
        let wire = LossyWire.established(lac: LossyWire.lac(secret: secret("shared")))
        // The refusal leaves no tunnel behind for its acknowledgement to reach.
        #expect(wire.names == ["(tunnel-secret-missing)", "(unknown-tunnel)"])
        #expect(wire.lacs[0].state == .stopped(ResultCode(4)))
        #expect(wire.endpoint.snapshots.isEmpty)
    }

    // MARK: - Endings

    @Test func theLACHangsUp() {
        var wire = LossyWire.established()
        wire.lac { $0.hangUp(call: 0, at: $1) }
        wire.run(for: .seconds(1))
        guard case .sessionClosed(let key, let end)? = wire.effects.last else {
            Issue.record("no sessionClosed")
            return
        }
        #expect(key == wire.sessions[0])
        #expect(end == .byPeer(result: 3, error: nil, message: nil))
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [0])
        // Another call in the same tunnel.
        wire.lac { $0.openSession(at: $1) }
        wire.run(for: .seconds(1))
        #expect(wire.lacs[0].calls.last?.state == .established)
    }

    @Test func weHangUp() throws {
        var wire = LossyWire.established()
        let key = try #require(wire.sessions.first)
        wire.lns { $0.close(key, because: .ppp("authentication failed"), at: $1) }
        wire.run(for: .seconds(1))
        #expect(wire.names.last == "sessionClosed")
        let code = ResultCode(2, error: .vendorSpecific, message: "authentication failed")
        #expect(wire.lacs[0].calls.map(\.state) == [.ended(code)])
        // Once is enough.
        wire.lns { $0.close(key, because: .administrative, at: $1) }
        #expect(wire.names.count { $0 == "sessionClosed" } == 1)
    }

    @Test func closingATunnelClosesItsSessionsFirst() throws {
        var wire = LossyWire.established(calls: 3)
        let tunnel = try #require(wire.tunnels.first)
        wire.lns { $0.close(tunnel, because: .generalRequest, at: $1) }
        #expect(
            wire.names.suffix(4) == ["(tunnel-stopped)", "sessionClosed", "sessionClosed", "sessionClosed"]
        )
        #expect(!wire.endpoint.isSettled)
        wire.run(for: .seconds(1))
        // Only when the goodbye was heard.
        #expect(wire.names.suffix(2) == ["sessionClosed", "connectionClosed"])
        #expect(wire.endpoint.isSettled)
        #expect(wire.lacs[0].state == .stopped(ResultCode(1)))
        #expect(wire.endpoint.snapshots.map(\.state) == ["closing"])
        wire.run(for: .seconds(31))
        #expect(wire.endpoint.snapshots.isEmpty)
        #expect(wire.endpoint.nextDeadline == nil)
    }

    /// Answers that were still waiting for room in the window would only come too late.
    @Test func aStopCCNOvertakesWhatWasNotSentYet() {
        var wire = LossyWire.established(manyCalls, calls: 0)
        let tunnel = wire.tunnels[0]
        var sent: [String] = []
        func receive(ns: UInt16, nr: UInt16, _ body: [UInt8]) {
            let header = ControlHeader(
                tunnel: tunnel,
                session: nil,
                ns: SequenceNumber(ns),
                nr: SequenceNumber(nr)
            )
            let effects = wire.endpoint.receive(
                header.datagram(around: body),
                on: socket(0),
                from: address(0),
                trace: someTrace,
                at: wire.now
            )
            sent += effects.compactMap {
                if case .transmit(let datagram, _, _) = $0 { name(of: datagram) } else { nil }
            }
        }
        for number in 2...6 as ClosedRange<UInt16> {
            let call = IncomingCall(assigned: session(number), callSerialNumber: 1)
            receive(ns: number, nr: 1, ControlMessage.icrq(call).encoded())
        }
        #expect(sent == ["ICRP", "ICRP", "ZLB", "ZLB", "ZLB"])
        #expect(wire.endpoint.closeAll(at: wire.now).map(\.name).suffix(2) == ["sessionClosed", "StopCCN"])
        sent = []
        receive(ns: 7, nr: 3, [])
        #expect(sent.isEmpty)
        receive(ns: 7, nr: 4, [])
        #expect(wire.endpoint.isSettled)
    }

    /// RFC 2661 §5.7: StopCCN retransmissions are acknowledged "over at least a full retransmission cycle".
    @Test func aStopCCNIsAcknowledgedAgainFor31Seconds() {
        var wire = LossyWire.established()
        var stop: [[UInt8]] = []
        wire.lac { lac, now in
            stop = lac.hangUp(at: now)
            return stop
        }
        wire.run(for: .seconds(1))
        #expect(wire.names.suffix(3) == ["(tunnel-stopped)", "sessionClosed", "connectionClosed"])
        for _ in 0..<3 {
            wire.run(for: .seconds(9))
            let before = wire.log.count { $0 == "< ZLB" }
            wire.lac { _, _ in stop }
            wire.run(for: .seconds(1))
            #expect(wire.log.count { $0 == "< ZLB" } == before + 1)
        }
        wire.run(for: .seconds(1))
        wire.lac { _, _ in stop }
        wire.run(for: .seconds(1))
        #expect(wire.names.last == "(unknown-tunnel)")
    }

    @Test func shuttingDownTellsEveryPeer() {
        var wire = LossyWire(lacs: (0..<5).map { LossyWire.lac(seed: UInt64(200 + $0)) })
        for index in 0..<5 {
            wire.lac(index) { $0.start(at: $1) }
            wire.lac(index) { $0.openSession(at: $1) }
        }
        wire.run(for: .seconds(5))
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1, 1, 1, 1, 1])
        wire.lns { $0.closeAll(at: $1) }
        wire.run(for: .seconds(1))
        #expect(wire.lacs.allSatisfy { $0.state == .stopped(ResultCode(6)) })
        #expect(wire.names.count { $0 == "connectionClosed" } == 5)
        #expect(wire.endpoint.isSettled)
    }

    @Test func aLostSocketTakesItsTunnelsAlongInSilence() {
        var wire = LossyWire(lacs: (0..<2).map { LossyWire.lac(seed: UInt64(200 + $0)) })
        for index in 0..<2 {
            wire.lac(index) { $0.start(at: $1) }
            wire.lac(index) { $0.openSession(at: $1) }
        }
        wire.run(for: .seconds(5))
        let before = wire.log.count
        wire.lns { $0.socketLost(socket(0), at: $1) }
        #expect(wire.names.suffix(2) == ["sessionClosed", "connectionClosed"])
        #expect(wire.log.count == before)
        #expect(wire.endpoint.snapshots.map(\.socket) == [socket(1)])
    }

    // MARK: - Many

    @Test func carriesManyCallsInOneTunnel() {
        let wire = LossyWire.established(manyCalls, calls: 100)
        #expect(wire.lacs[0].calls.allSatisfy { $0.state == .established })
        #expect(Set(wire.sessions).count == 100)
    }

    @Test("L14: a tunnel has four calls, and the fifth is refused with result 4")
    func refusesCallsBeyondTheLimit() {
        var configuration = configuration
        configuration.sessionsPerTunnelLimit = 4
        let wire = LossyWire.established(configuration, calls: 6)
        let refused = ResultCode(4, error: .insufficientResources, message: "too many calls")
        #expect(
            wire.lacs[0].calls.map(\.state) == Array(repeating: .established, count: 4) + [
                .ended(refused), .ended(refused),
            ]
        )
        #expect(wire.names.count { $0 == "(session-limit-reached)" } == 2)
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [4])
    }

    /// Who never acknowledges does not fill our memory: L2TP's own window keeps nobody from asking.
    @Test("L14: a flood of ICRQs whose answers are not acknowledged ends the tunnel")
    func aFloodOfUnacknowledgedICRQsEndsTheTunnel() {
        var configuration = configuration
        configuration.sessionsPerTunnelLimit = 4
        var wire = LossyWire.established(configuration, calls: 0)
        let tunnel = wire.tunnels[0]
        for number in 0..<200 {
            let header = ControlHeader(
                tunnel: tunnel,
                session: nil,
                ns: SequenceNumber(UInt16(2 + number)),
                nr: SequenceNumber(1)
            )
            let call = IncomingCall(assigned: session(UInt16(number + 1)), callSerialNumber: 1)
            let datagram = header.datagram(around: ControlMessage.icrq(call).encoded())
            wire.lns { $0.receive(datagram, on: socket(0), from: address(0), trace: someTrace, at: $1) }
        }
        #expect(wire.endpoint.snapshots.map(\.state) == ["closing"])
        wire.run(for: .seconds(1))
        #expect(wire.names.last == "connectionClosed")
    }

    /// Their goodbyes are many at once, and not acknowledged yet when the peer says something else.
    @Test func aLowerLimitEndsNoTunnelThatHasMoreCalls() {
        var wire = LossyWire.established(manyCalls, calls: 100)
        var lower = manyCalls
        lower.sessionsPerTunnelLimit = 4
        wire.endpoint.reconfigure(lower)
        for session in wire.sessions { wire.lns { $0.close(session, because: .administrative, at: $1) } }
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [0])
        wire.lac { $0.sendHello(at: $1) }
        wire.run(for: .seconds(30))
        #expect(wire.endpoint.snapshots.map(\.state) == ["established"])
        #expect(wire.endpoint.isSettled)
        #expect(!wire.names.contains("connectionClosed"))
    }

    @Test("L11: a socket has eight tunnels, and the ninth is refused")
    func refusesTunnelsBeyondTheLimitOfASocket() {
        var wire = LossyWire()
        var answers: [String] = []
        for number in 0..<10 as Range<UInt64> {
            var lac = LossyWire.lac(seed: 300 + number)
            for datagram in lac.start(at: wire.now) {
                wire.lns { endpoint, now in
                    let effects = endpoint.receive(datagram, on: socket(0), from: address(0), trace: someTrace, at: now)
                    answers += effects.map(\.name)
                    return effects
                }
            }
        }
        #expect(answers.count { $0 == "connectionOpening" } == 8)
        #expect(answers.suffix(4) == ["(tunnel-limit-reached)", "StopCCN", "(tunnel-limit-reached)", "StopCCN"])
        #expect(wire.endpoint.snapshots.count == 8)
    }

    @Test("L11: all sockets together have a limit, and what is up already stays up")
    func refusesTunnelsBeyondTheLimitOfAll() {
        var configuration = configuration
        configuration.tunnelLimit = 2
        var wire = LossyWire(configuration, lacs: (0..<3).map { LossyWire.lac(seed: UInt64(200 + $0)) })
        for index in 0..<3 { wire.lac(index) { $0.start(at: $1) } }
        wire.run(for: .seconds(2))
        let refused = ResultCode(2, error: .insufficientResources, message: "too many tunnels")
        #expect(wire.lacs.map(\.state) == [.established, .established, .stopped(refused)])
    }

    /// Opening and closing as fast as it goes leaves no more behind than may be alive.
    @Test func closedTunnelsDoNotPileUp() {
        var wire = LossyWire()
        for number in 0..<30 as Range<UInt64> {
            wire.lacs[0] = LossyWire.lac(seed: 400 + number)
            wire.lac { $0.start(at: $1) }
            wire.run(for: .milliseconds(100))
            wire.lac { $0.hangUp(at: $1) }
            wire.run(for: .milliseconds(100))
        }
        #expect(wire.tunnels.count == 30)
        #expect(wire.endpoint.snapshots.count == 8)
        wire.run(for: .seconds(60))
        #expect(wire.endpoint.snapshots.isEmpty)
    }

    // MARK: - Whose tunnel

    @Test func nothingOnOneSocketTouchesATunnelOfAnother() {
        var wire = LossyWire.established()
        let tunnel = wire.tunnels[0]
        let key = wire.sessions[0]
        let stop = ControlHeader(tunnel: tunnel, session: nil, ns: SequenceNumber(4), nr: SequenceNumber(2))
            .datagram(around: ControlMessage.stopCCN(assigned: wire.lacs[0].id, ResultCode(1)).encoded())
        let frame = DataHeader(tunnel: tunnel, session: key.session).datagram(around: [1])
        func receive(_ datagram: [UInt8], on number: UInt16, from peer: SocketAddress) -> [String] {
            wire.endpoint.receive(datagram, on: socket(number), from: peer, trace: someTrace, at: wire.now).map(\.name)
        }
        #expect(receive(stop, on: 1, from: address(0)) == ["(foreign-tunnel)"])
        #expect(receive(stop, on: 0, from: address(0, port: 1702)) == ["(unexpected-source)"])
        #expect(receive(frame, on: 1, from: address(0)) == ["(data-for-unknown-session)"])
        #expect(receive(frame, on: 0, from: address(1)) == ["(data-for-unknown-session)"])
        #expect(wire.endpoint.snapshots.map(\.state) == ["established"])
        #expect(receive(stop, on: 0, from: address(0)).contains("connectionClosed"))
    }

    @Test func thePeersIDsMayBeTheSameOnTwoSockets() {
        var wire = LossyWire(lacs: (0..<2).map { LossyWire.lac(seed: UInt64(200 + $0), id: tunnel(1)) })
        for index in 0..<2 {
            wire.lac(index) { $0.start(at: $1) }
            wire.lac(index) { $0.openSession(at: $1) }
        }
        wire.run(for: .seconds(5))
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1, 1])
        #expect(Set(wire.tunnels).count == 2)
    }

    /// Within a retransmission cycle it is a copy; afterwards the peer has lost its state and starts anew.
    @Test("L10: an SCCRQ with an id that is in use is a copy at first, and a new tunnel after a retransmission cycle")
    func aPeerThatStartsAnewGetsANewTunnel() {
        var wire = LossyWire.established(lac: LossyWire.lac(id: tunnel(1)))
        wire.run(for: .seconds(30))
        wire.lacs[0] = LossyWire.lac(seed: 500, id: tunnel(1))
        wire.lac { $0.start(at: $1) }
        wire.run(for: .seconds(5))
        #expect(
            wire.names.suffix(5)
                == [
                    "(tunnel-peer-restarted)", "sessionClosed", "connectionClosed", "connectionOpening",
                    "connectionEstablished",
                ]
        )
        #expect(wire.endpoint.snapshots.count == 1)
    }

    /// A client that dials again at once, with the same id, does not have to wait until its old tunnel is forgotten.
    @Test func anIDMayBeUsedAgainAfterAStopCCN() {
        var wire = LossyWire.established(lac: LossyWire.lac(id: tunnel(1)))
        wire.lac { $0.hangUp(at: $1) }
        wire.run(for: .seconds(1))
        wire.lacs[0] = LossyWire.lac(seed: 500, id: tunnel(1))
        wire.lac { $0.start(at: $1) }
        wire.run(for: .seconds(1))
        #expect(wire.lacs[0].state == .established)
        #expect(wire.endpoint.snapshots.map(\.state).sorted() == ["closing", "established"])
    }

    /// RFC 2661 §4.4.3, Assigned Tunnel ID: a StopCCN may come before the peer has our id.
    @Test func anSCCRQIsTakenBackWithoutOurID() {
        var wire = LossyWire { _, isForLNS in isForLNS ? .arrives : .isLost }
        wire.lac { $0.start(at: $1) }
        wire.run(for: .milliseconds(100))
        let stop = ControlHeader(tunnel: nil, session: nil, ns: SequenceNumber(1), nr: SequenceNumber(0))
            .datagram(around: ControlMessage.stopCCN(assigned: wire.lacs[0].id, ResultCode(6)).encoded())
        wire.lac { _, _ in [stop] }
        wire.run(for: .milliseconds(100))
        #expect(wire.names == ["connectionOpening", "(tunnel-stopped)", "connectionClosed"])
    }

    // MARK: - What is not acceptable

    private func answer(to body: [UInt8], ns: UInt16 = 0) -> [Endpoint.Effect] {
        var endpoint = Endpoint(configuration: configuration, entropy: SeededEntropy(seed: 1))
        let header = ControlHeader(tunnel: nil, session: nil, ns: SequenceNumber(ns), nr: SequenceNumber(0))
        let effects = endpoint.receive(
            header.datagram(around: body),
            on: socket(0),
            from: address(0),
            trace: someTrace,
            at: seconds(0)
        )
        #expect(endpoint.snapshots.isEmpty)
        return effects
    }

    private func request(_ change: (inout [AVP]) -> Void) -> [UInt8] {
        var avps = ControlMessage.sccrq(TunnelOffer(assigned: tunnel(5), hostName: "lac")).avps
        change(&avps)
        var writer = ByteWriter()
        for avp in avps { avp.encode(into: &writer) }
        return writer.bytes
    }

    @Test func anUnacceptableSCCRQIsRefusedWithTheReason() throws {
        func stop(_ body: [UInt8]) -> ControlMessage? {
            let effects = answer(to: body)
            #expect(effects.first?.name == "(malformed-message)")
            guard case .transmit(let datagram, _, _)? = effects.last else { return nil }
            // To the tunnel that the peer names, and acknowledging its SCCRQ.
            #expect(Array(datagram[4..<12]) == hex("0005 0000 0000 0001"))
            return message(in: datagram)
        }
        func result(_ body: [UInt8]) -> ResultCode? {
            guard case .stopCCN(_, let result)? = stop(body) else { return nil }
            return result
        }
        #expect(
            result(request { $0.append(AVP(AttributeType(rawValue: 99), value: [], isMandatory: true)) })
                == ResultCode(2, error: .unknownMandatoryAVP, message: "unknown mandatory AVP: attribute 99")
        )
        #expect(
            result(request { $0.removeAll { $0.attribute == .framingCapabilities } })
                == ResultCode(2, error: .valueOutOfRange, message: "Framing Capabilities missing")
        )
        let version = request { avps in avps[1].value = [2, 0] }
        #expect(result(version) == ResultCode(5, error: GeneralError(rawValue: 0x0100)))
    }

    @Test func whatCannotBeAnsweredIsNot() {
        let zero = request { avps in
            for index in avps.indices where avps[index].attribute == .assignedTunnelID { avps[index].value = [0, 0] }
        }
        #expect(answer(to: zero).map(\.name) == ["(malformed-message)"])
        #expect(answer(to: request { _ in } + [0x80]).map(\.name) == ["(malformed-message)"])
        #expect(answer(to: request { _ in }, ns: 1).map(\.name) == ["(malformed-message)"])
        #expect(answer(to: []).map(\.name) == ["(unknown-tunnel)"])
        for message in everyMessage where message.type != .sccrq {
            #expect(answer(to: message.encoded()).map(\.name) == ["(unknown-tunnel)"])
        }
    }

    @Test func garbageIsCountedAndDropped() {
        var endpoint = Endpoint(configuration: configuration, entropy: SeededEntropy(seed: 1))
        for bytes in ["", "c8", "c803 000c 0001 0000 0000 0000", "c802 000b 0001 0000 0000 0000"] {
            let effects = endpoint.receive(
                hex(bytes),
                on: socket(0),
                from: address(0),
                trace: someTrace,
                at: seconds(0)
            )
            #expect(effects.map(\.name) == ["(malformed-message)"])
        }
        let unknown = ControlHeader(tunnel: tunnel(1), session: nil, ns: SequenceNumber(0), nr: SequenceNumber(0))
            .datagram(around: ControlMessage.hello.encoded())
        let effects = endpoint.receive(unknown, on: socket(0), from: address(0), trace: someTrace, at: seconds(0))
        #expect(effects.map(\.name) == ["(unknown-tunnel)"])
    }

    /// Every byte of every message changed to anything: nothing traps, and nothing of another peer is touched.
    @Test func survivesMutatedMessages() {
        let chance = SeededEntropy(seed: 9)
        var wire = LossyWire.established(calls: 2)
        let keeper = wire.endpoint
        for message in everyMessage {
            for _ in 0..<300 {
                var endpoint = keeper
                let header = ControlHeader(
                    tunnel: wire.tunnels[0],
                    session: chance.integer(in: 0...1) == 0 ? nil : wire.sessions[0].session,
                    ns: SequenceNumber(6),
                    nr: SequenceNumber(4)
                )
                var datagram = header.datagram(around: message.encoded())
                for _ in 0...chance.integer(in: 0...3) {
                    let place = Int(chance.integer(in: 0...UInt32(datagram.count - 1)))
                    datagram[place] = chance.integer()
                }
                _ = endpoint.receive(datagram, on: socket(0), from: address(0), trace: someTrace, at: wire.now)
                _ = endpoint.advance(to: wire.now.advanced(by: .seconds(100)))
            }
        }
        wire.run(for: .seconds(1))
        #expect(wire.lacs[0].calls.allSatisfy { $0.state == .established })
    }

    /// Ns of a tunnel that lives long enough goes round.
    @Test func aTunnelOutlives65536Messages() {
        var wire = LossyWire.established(calls: 0)
        let hello = ControlMessage.hello.encoded()
        // SCCRQ and SCCCN were 0 and 1.
        for number in 2...66_000 {
            let header = ControlHeader(
                tunnel: wire.tunnels[0],
                session: nil,
                ns: SequenceNumber(UInt16(truncatingIfNeeded: number)),
                nr: SequenceNumber(1)
            )
            let datagram = header.datagram(around: hello)
            let effects = wire.endpoint.receive(
                datagram,
                on: socket(0),
                from: address(0),
                trace: someTrace,
                at: wire.now
            )
            guard case .transmit(let answer, _, _)? = effects.last, effects.count == 1 else {
                Issue.record("message \(number) was not just acknowledged")
                return
            }
            let expected = UInt16(truncatingIfNeeded: number + 1)
            guard answer[10] == UInt8(expected >> 8), answer[11] == UInt8(truncatingIfNeeded: expected) else {
                Issue.record("message \(number) got another number acknowledged")
                return
            }
        }
    }
}
