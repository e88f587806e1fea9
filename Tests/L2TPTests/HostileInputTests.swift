// SPDX-License-Identifier: Apache-2.0
import Cryptography
import L2TP
import Primitives
import Simulation
import Testing

/// What broken and hostile peers send, each beside the legitimate traffic that must still pass.
struct HostileInputTests {
    private var configuration = Configuration(hostName: "lns")

    /// A peer that knows the numbers of its tunnel, and says what it is told to.
    private struct Intruder {
        var ns: UInt16
        var nr: UInt16

        mutating func say(
            _ body: [UInt8],
            in wire: inout LossyWire,
            tunnel: TunnelID?,
            session: SessionID? = nil
        ) -> [Endpoint.Effect] {
            let header = ControlHeader(
                tunnel: tunnel,
                session: session,
                ns: SequenceNumber(ns),
                nr: SequenceNumber(nr)
            )
            ns &+= 1
            return wire.receive(header.datagram(around: body))
        }
    }

    private func encoded(_ avps: [AVP]) -> [UInt8] {
        var writer = ByteWriter()
        for avp in avps { avp.encode(into: &writer) }
        return writer.bytes
    }

    /// The twin of every case: somebody else's call comes up.
    private func expectService(_ wire: inout LossyWire) {
        wire.lacs.append(LossyWire.lac(seed: 900))
        let index = wire.lacs.count - 1
        wire.lac(index) { $0.start(at: $1) }
        wire.lac(index) { $0.openSession(at: $1) }
        wire.run(for: .seconds(2))
        #expect(wire.lacs[index].calls.map(\.state) == [.established])
    }

    // MARK: - Datagrams and AVPs

    @Test("L01: what is no L2TP is counted once, never answered, and touches no tunnel")
    func whatIsNoL2TP() {
        var wire = LossyWire.established()
        let hello = ControlHeader(
            tunnel: wire.tunnels[0],
            session: nil,
            ns: SequenceNumber(4),
            nr: SequenceNumber(2)
        )
        .datagram(around: ControlMessage.hello.encoded())
        var broken = (0..<12).map { Array(hello.prefix($0)) }
        for (index, value) in [
            (0, 0x88), (0, 0xC0), (0, 0xCA), (1, 0), (1, 1), (1, 3), (1, 4), (1, 15), (3, 0), (3, 19),
        ]
            as [(Int, UInt8)]
        {
            var changed = hello
            changed[index] = value
            broken.append(changed)
        }
        broken += [hello + [0], [UInt8](repeating: 0xFF, count: 65_507), [UInt8](repeating: 0, count: 6)]
        for datagram in broken {
            let effects = wire.receive(datagram)
            #expect(effects.count == 1)
            guard case .report? = effects.first else {
                Issue.record("\(datagram.prefix(12)): \(effects)")
                continue
            }
        }
        #expect(wire.endpoint.snapshots.map(\.state) == ["established"])
        #expect(wire.receive(hello).map(\.name) == ["ZLB"])
        expectService(&wire)
    }

    @Test("L02: a message whose AVPs cannot be told apart ends its call or its tunnel, and nobody else's")
    func brokenAVPs() {
        for tail in ["80", "8000 0000 0007", "8005 0000 0007", "83FF 0000 0007 61", "8007 0000 0007"] {
            var wire = LossyWire.established(calls: 2)
            var peer = Intruder(ns: 6, nr: 3)
            let iccn = ControlMessage.iccn(ConnectedCall(txConnectSpeed: 1, framing: .synchronous)).encoded()
            let one = peer.say(
                iccn + hex(tail),
                in: &wire,
                tunnel: wire.tunnels[0],
                session: wire.sessions[0].session
            )
            #expect(one.map(\.name) == ["(malformed-message)", "sessionClosed", "CDN"], "\(tail)")
            #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1])
            let all = peer.say(ControlMessage.hello.encoded() + hex(tail), in: &wire, tunnel: wire.tunnels[0])
            #expect(all.map(\.name) == ["(malformed-message)", "sessionClosed", "StopCCN"], "\(tail)")
            expectService(&wire)
        }
    }

    @Test("L03: a Message Type that is missing, doubled, or unknown with the M bit ends the tunnel with result 2")
    func brokenMessageTypes() {
        let hello = AVP(.messageType, value: [0, 6])
        let bodies = [
            encoded([AVP(.hostName, value: [0x61]), hello]), encoded([hello, hello]),
            encoded([AVP(.messageType, value: [0, 99])]), encoded([AVP(.messageType, value: [0, 0])]),
        ]
        for body in bodies {
            var wire = LossyWire.established()
            var peer = Intruder(ns: 4, nr: 2)
            let effects = peer.say(body, in: &wire, tunnel: wire.tunnels[0])
            #expect(effects.map(\.name) == ["(malformed-message)", "sessionClosed", "StopCCN"])
            guard case .transmit(let datagram, _, _)? = effects.last,
                case .stopCCN(_, let result)? = message(in: datagram)
            else { continue }
            #expect(result.result == 2)
            expectService(&wire)
        }
        // The twin: unknown without the M bit.
        var wire = LossyWire.established()
        var peer = Intruder(ns: 4, nr: 2)
        let unknown = encoded([AVP(.messageType, value: [0, 99], isMandatory: false)])
        #expect(peer.say(unknown, in: &wire, tunnel: wire.tunnels[0]).map(\.name) == ["(unknown-message)", "ZLB"])
        #expect(wire.endpoint.snapshots.map(\.state) == ["established"])
    }

    @Test("L05: a Random Vector may be short or as long as an AVP; of none and of several the rules decide")
    func randomVectors() throws {
        let shared = secret("shared")
        let type = AVP(.messageType, value: [0, 11])
        func hidden(_ vector: [UInt8]) -> AVP {
            let value = Hiding(secret: shared, randomVector: vector).hide([0x43, 0x21], of: .assignedSessionID)
            return AVP(.assignedSessionID, value: value, isHidden: true)
        }
        func result(_ avps: [AVP]) -> MessageError? {
            do throws(MessageFailure) {
                #expect(
                    try ControlMessage.decode(encoded(avps), secret: shared) == .icrp(assigned: session(0x4321))
                )
                return nil
            } catch {
                return error.error
            }
        }
        for count in [1, 4, 16, 1016, AVP.longestValue] {
            let vector = [UInt8](repeating: 0x77, count: count)
            #expect(result([type, AVP(.randomVector, value: vector), hidden(vector)]) == nil, "\(count)")
        }
        #expect(result([type, AVP(.randomVector, value: []), hidden([])]) == .wrongLength(.randomVector, 0))
        #expect(
            result([type, hidden([1]), AVP(.randomVector, value: [1])])
                == .unreadable(.assignedSessionID, .noRandomVector)
        )
        #expect(result([type, AVP(.randomVector, value: [1]), AVP(.randomVector, value: [2]), hidden([2])]) == nil)
    }

    @Test("L06: the longest names and numbers are kept cut, in a tunnel and in a call that come up")
    func longNames() throws {
        let long = [UInt8](repeating: 0xC3, count: AVP.longestValue)
        var avps = ControlMessage.sccrq(TunnelOffer(assigned: tunnel(5), hostName: "lac")).avps
        for index in avps.indices where avps[index].attribute == .hostName { avps[index].value = long[...] }
        avps.append(AVP(.vendorName, value: long))
        var wire = LossyWire()
        var peer = Intruder(ns: 0, nr: 0)
        let opening = peer.say(encoded(avps), in: &wire, tunnel: nil)
        #expect(opening.map(\.name) == ["connectionOpening", "SCCRP"])
        let id = wire.endpoint.snapshots[0].id
        peer.nr = 1
        _ = peer.say(ControlMessage.scccn(challengeResponse: nil).encoded(), in: &wire, tunnel: id)
        let call = ControlMessage.icrq(IncomingCall(assigned: session(5), callSerialNumber: 1)).avps
        let numbers = [.calledNumber, .callingNumber, .subAddress].map { AVP($0, value: long) }
        let answer = peer.say(encoded(call + numbers), in: &wire, tunnel: id)
        #expect(answer.map(\.name) == ["sessionOpening", "ICRP"])
        let snapshot = try #require(wire.endpoint.snapshots.first)
        #expect(snapshot.hostName == String(repeating: "\u{FFFD}", count: 64))
        #expect(snapshot.vendorName?.unicodeScalars.count == 64)
        #expect(wire.endpoint.sessions(of: id).first?.callingNumber?.unicodeScalars.count == 64)
    }

    // MARK: - Numbers

    @Test("L10: an Assigned ID of zero names nobody to answer, opens nothing, and ends nothing else")
    func zeroIDs() {
        var wire = LossyWire.established()
        var request = ControlMessage.sccrq(TunnelOffer(assigned: tunnel(5), hostName: "lac")).avps
        for index in request.indices where request[index].attribute == .assignedTunnelID {
            request[index].value = [0, 0]
        }
        var stranger = Intruder(ns: 0, nr: 0)
        #expect(stranger.say(encoded(request), in: &wire, tunnel: nil).map(\.name) == ["(malformed-message)"])
        var call = ControlMessage.icrq(IncomingCall(assigned: session(5), callSerialNumber: 1)).avps
        for index in call.indices where call[index].attribute == .assignedSessionID { call[index].value = [0, 0] }
        var peer = Intruder(ns: 4, nr: 2)
        #expect(
            peer.say(encoded(call), in: &wire, tunnel: wire.tunnels[0]).map(\.name) == ["(malformed-message)", "ZLB"]
        )
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1])
        expectService(&wire)
    }

    @Test("L13: copies of an old message are acknowledged at most 32 times at once, and ZLBs never")
    func floodsOfOldMessages() {
        var wire = LossyWire.established()
        let id = wire.tunnels[0]
        func flood(_ body: [UInt8], ns: UInt16) -> Int {
            var peer = Intruder(ns: ns, nr: 2)
            var answers = 0
            for _ in 0..<1000 {
                peer.ns = ns
                answers += peer.say(body, in: &wire, tunnel: id).count { $0.name == "ZLB" }
            }
            return answers
        }
        #expect(flood([], ns: 1) == 0)
        #expect(flood(ControlMessage.hello.encoded(), ns: 1) == 32)
        #expect(flood(ControlMessage.hello.encoded(), ns: 300) == 0)
        // The twin: what is new is acknowledged at once.
        wire.lac { $0.sendHello(at: $1) }
        wire.run(for: .seconds(1))
        #expect(wire.lacs[0].isSettled)
        #expect(wire.endpoint.snapshots.map(\.state) == ["established"])
    }

    @Test("L19: a Receive Window Size of 0 is refused; of 1 and of 65,535 it bounds nothing but what the peer gets")
    func receiveWindowSizes() {
        var zero = ControlMessage.sccrq(TunnelOffer(assigned: tunnel(5), hostName: "lac")).avps
        for index in zero.indices where zero[index].attribute == .receiveWindowSize { zero[index].value = [0, 0] }
        var wire = LossyWire()
        var peer = Intruder(ns: 0, nr: 0)
        #expect(peer.say(encoded(zero), in: &wire, tunnel: nil).map(\.name) == ["(malformed-message)", "StopCCN"])
        #expect(wire.endpoint.snapshots.isEmpty)
        for size in [1, 65_535] as [UInt16] {
            let wire = LossyWire.established(lac: LossyWire.lac { $0.receiveWindowSize = size }, calls: 4)
            #expect(wire.lacs[0].calls.allSatisfy { $0.state == .established })
        }
    }

    @Test("L20: the ids of tunnels and sessions are drawn at random, and follow from nothing a peer sees")
    func idsAreDrawn() {
        func ids(_ seed: UInt64) -> [UInt16] {
            var endpoint = Endpoint(configuration: configuration, entropy: SeededEntropy(seed: seed))
            for number in 0..<40 as Range<UInt16> {
                var lac = LossyWire.lac(seed: UInt64(number))
                for datagram in lac.start(at: seconds(0)) {
                    _ = endpoint.receive(
                        datagram,
                        on: socket(number),
                        from: address(number),
                        trace: someTrace,
                        at: seconds(0)
                    )
                }
            }
            return endpoint.snapshots.sorted { $0.socket.port < $1.socket.port }.map(\.id.rawValue)
        }
        let first = ids(1)
        #expect(first.count == 40)
        #expect(first != ids(2))
        let steps = zip(first, first.dropFirst()).map { $1 &- $0 }
        #expect(Set(steps).count > 30)
        #expect(!steps.contains(1))
        let calls = LossyWire.established(calls: 4).sessions.map(\.session.rawValue)
        #expect(Set(zip(calls, calls.dropFirst()).map { $1 &- $0 }).count == 3)
    }

    @Test("L21: a Tie Breaker decides nothing here, as we open no tunnels: equal or lower, the SCCRQ is served")
    func tieBreakers() {
        for breaker in [0, 1, UInt64.max] {
            var offer = TunnelOffer(assigned: tunnel(5), hostName: "lac")
            offer.tieBreaker = breaker
            var wire = LossyWire.established()
            let header = ControlHeader(tunnel: nil, session: nil, ns: SequenceNumber(0), nr: SequenceNumber(0))
            let effects = wire.receive(header.datagram(around: ControlMessage.sccrq(offer).encoded()))
            #expect(effects.map(\.name) == ["connectionOpening", "SCCRP"])
            #expect(wire.endpoint.snapshots.count == 2)
        }
    }

    // MARK: - Too many, too early, too late

    @Test("L11: a flood of SCCRQs is bounded per socket and in all, and neither older tunnels nor other peers feel it")
    func floodsOfSCCRQs() {
        var wire = LossyWire.established()
        var answers: [String] = []
        for number in 0..<5000 as Range<UInt16> {
            let offer = TunnelOffer(assigned: tunnel(number + 1), hostName: "flood")
            let header = ControlHeader(tunnel: nil, session: nil, ns: SequenceNumber(0), nr: SequenceNumber(0))
            let datagram = header.datagram(around: ControlMessage.sccrq(offer).encoded())
            answers += wire.endpoint
                .receive(datagram, on: socket(5), from: address(5), trace: someTrace, at: wire.now).map(\.name)
        }
        #expect(answers.count { $0 == "SCCRP" } == 8)
        #expect(answers.count { $0 == "(tunnel-limit-reached)" } == 4992)
        // Refusals have their limit, too.
        #expect(answers.count { $0 == "StopCCN" } == 100)
        #expect(wire.endpoint.snapshots.count == 9)
        expectService(&wire)
        wire.run(for: .seconds(40))
        #expect(wire.endpoint.snapshots.count == 2)
        #expect(wire.lacs[0].calls.map(\.state) == [.established])
    }

    @Test("L11: opening and closing tunnels in a loop is slowed down to ten a second")
    func opensAndCloses() {
        var wire = LossyWire()
        var opened = 0
        for number in 0..<300 as Range<UInt16> {
            let offer = TunnelOffer(assigned: tunnel(number + 1), hostName: "loop")
            let request = ControlHeader(tunnel: nil, session: nil, ns: SequenceNumber(0), nr: SequenceNumber(0))
                .datagram(around: ControlMessage.sccrq(offer).encoded())
            opened += wire.receive(request).count { $0.name == "SCCRP" }
            let stop = ControlHeader(tunnel: nil, session: nil, ns: SequenceNumber(1), nr: SequenceNumber(0))
                .datagram(around: ControlMessage.stopCCN(assigned: offer.assigned, ResultCode(6)).encoded())
            _ = wire.receive(stop)
            wire.run(for: .milliseconds(10))
        }
        #expect((32...64).contains(opened))
        #expect(wire.endpoint.snapshots.count <= 9)
        // The twin: who only comes at the wrong moment is served a second later.
        wire.lac { $0.start(at: $1) }
        wire.run(for: .seconds(5))
        #expect(wire.lacs[0].state == .established)
    }

    @Test("L14: 5,000 ICRQs in one tunnel make four calls, and the others get a CDN with result 4")
    func floodsOfICRQs() {
        var wire = LossyWire.established(calls: 0)
        let id = wire.tunnels[0]
        var peer = Intruder(ns: 2, nr: 1)
        var refused = 0
        var opened = 0
        for number in 1...5000 as ClosedRange<UInt16> {
            let call = ControlMessage.icrq(IncomingCall(assigned: session(number), callSerialNumber: 1)).encoded()
            let effects = peer.say(call, in: &wire, tunnel: id)
            opened += effects.count { $0.name == "sessionOpening" }
            for case .transmit(let datagram, _, _) in effects {
                peer.nr &+= name(of: datagram) == "ZLB" ? 0 : 1
                guard case .cdn(_, let result)? = message(in: datagram) else { continue }
                refused += result.result == 4 ? 1 : 0
            }
        }
        #expect(opened == 4)
        #expect(refused >= 4990)
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [4])
        expectService(&wire)
    }

    @Test("L15: messages in the wrong state get the RFC's error; a call's error ends no tunnel, and each ends once")
    func wrongStates() {
        // Before SCCCN.
        var early = LossyWire { _, isForLNS in isForLNS ? .arrives : .isLost }
        early.lac { $0.start(at: $1) }
        early.run(for: .milliseconds(50))
        var hasty = Intruder(ns: 1, nr: 1)
        let icrq = ControlMessage.icrq(IncomingCall(assigned: session(9), callSerialNumber: 1)).encoded()
        #expect(
            hasty.say(icrq, in: &early, tunnel: early.tunnels[0]).map(\.name) == ["(unexpected-message)", "CDN"]
        )
        #expect(early.endpoint.snapshots.map(\.state) == ["waitControlConnection"])

        // For sessions that do not exist, and the roles that are not ours.
        var wire = LossyWire.established()
        let id = wire.tunnels[0]
        var peer = Intruder(ns: 4, nr: 2)
        func say(_ message: ControlMessage, _ session: SessionID? = nil) -> [String] {
            let effects = peer.say(message.encoded(), in: &wire, tunnel: id, session: session)
            peer.nr &+= UInt16(effects.count { ["CDN", "StopCCN"].contains($0.name) })
            return effects.map(\.name)
        }
        let stranger = session(wire.sessions[0].session.rawValue ^ 1)
        let connected = ControlMessage.iccn(ConnectedCall(txConnectSpeed: 1, framing: .synchronous))
        #expect(say(connected, stranger) == ["(unknown-session)", "ZLB"])
        #expect(say(.cdn(assigned: session(77), ResultCode(3)), stranger) == ["(unknown-session)", "ZLB"])
        #expect(say(.sli(send: 0, receive: 0), wire.sessions[0].session) == ["(unexpected-message)", "ZLB"])
        #expect(say(.ocrq(assigned: session(78), callSerialNumber: 1)) == ["(outgoing-call-refused)", "CDN"])
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1])
        // ICCN a second time ends the call, once; the tunnel stays.
        #expect(say(connected, wire.sessions[0].session) == ["(session-failed)", "sessionClosed", "CDN"])
        #expect(say(connected, wire.sessions[0].session) == ["(unknown-session)", "ZLB"])
        #expect(wire.endpoint.snapshots.map(\.state) == ["established"])
        // An SCCRP to a server is the end of the tunnel.
        #expect(
            say(.sccrp(TunnelOffer(assigned: tunnel(5), hostName: "x"), challengeResponse: nil))
                == ["(unexpected-message)", "StopCCN"]
        )
        expectService(&wire)
    }

    @Test("L16: data for an unknown session, tunnel, socket or source is counted and never answered")
    func strayData() {
        var wire = LossyWire.established()
        let key = wire.sessions[0]
        let other = session(key.session.rawValue ^ 1)
        for header in [
            DataHeader(tunnel: key.tunnel, session: other), DataHeader(tunnel: tunnel(1), session: key.session),
        ] {
            #expect(wire.receive(header.datagram(around: [1])).map(\.name) == ["(data-for-unknown-session)"])
        }
        #expect(wire.receive(hex("0002 0000 0000 c021")).map(\.name) == ["(data-for-unknown-session)"])
        let frame = DataHeader(tunnel: key.tunnel, session: key.session).datagram(around: [1])
        #expect(wire.receive(frame).map(\.name) == ["frame"])
    }
}

extension LossyWire {
    /// A datagram of the first LAC, out of the blue.
    fileprivate mutating func receive(_ datagram: [UInt8]) -> [Endpoint.Effect] {
        endpoint.receive(datagram, on: socket(0), from: address(0), trace: someTrace, at: now)
    }
}
