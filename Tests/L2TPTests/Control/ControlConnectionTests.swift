// SPDX-License-Identifier: Apache-2.0
import Cryptography
import L2TP
import Primitives
import Testing

struct ControlConnectionTests {
    private static let secretText = "shared"
    private let entropy = SeededEntropy(seed: 3)

    /// A connection, and what stands for its peer.
    private struct Bench {
        var connection: ControlConnection
        let configuration: Configuration
        let entropy: SeededEntropy
        var ns = SequenceNumber(1)
        var now = seconds(0)

        /// Hands in a message in sequence, and returns the effects as words.
        mutating func receive(_ message: ControlMessage, session: SessionID? = nil) -> [String] {
            receive(message.encoded(), session: session)
        }

        mutating func receive(_ body: [UInt8], session: SessionID? = nil) -> [String] {
            let header = ControlHeader(
                tunnel: connection.id,
                session: session,
                ns: ns,
                // All that was sent is acknowledged.
                nr: SequenceNumber(UInt16(sent))
            )
            ns = ns.next
            let effects = connection.receive(header, ByteReader(body), at: now, configuration, entropy)
            return finish(effects)
        }

        mutating func advance(to time: Double) -> [String] {
            now = seconds(time)
            return finish(connection.advance(to: now, configuration))
        }

        mutating func close() -> [String] {
            finish(connection.close(because: .shuttingDown, at: now, configuration))
        }

        mutating func abandon() -> [String] { finish(connection.abandon()) }

        private mutating func finish(_ effects: [Endpoint.Effect]) -> [String] {
            let all = effects + connection.flush(at: now) + connection.reportEnd()
            let words = all.map(\.name)
            sent += words.count { ["SCCRP", "StopCCN", "HELLO", "ICRP", "CDN"].contains($0) }
            return words
        }

        private var sent = 1

        init(connection: ControlConnection, configuration: Configuration, entropy: SeededEntropy) {
            self.connection = connection
            self.configuration = configuration
            self.entropy = entropy
            let header = ControlHeader(tunnel: nil, session: nil, ns: SequenceNumber(0), nr: SequenceNumber(0))
            _ = self.connection.channel.receive(header, ByteReader([1]), at: now)
            _ = self.connection.flush(at: now)
        }
    }

    private func bench(in state: String, secret: SecretBytes? = nil) -> Bench {
        var configuration = Configuration(hostName: "lns")
        configuration.secret = secret
        let connection = ControlConnection(
            id: tunnel(1),
            accepting: TunnelOffer(assigned: tunnel(2), hostName: "lac"),
            on: socket(0),
            from: address(0),
            trace: someTrace,
            challenge: secret == nil ? nil : [UInt8](1...16),
            configuration: configuration,
            at: seconds(0)
        )
        var bench = Bench(connection: connection, configuration: configuration, entropy: entropy)
        switch state {
        case "established": _ = bench.receive(.scccn(challengeResponse: nil))
        case "closing": _ = bench.receive(.stopCCN(assigned: tunnel(2), ResultCode(1)))
        default: break
        }
        return bench
    }

    /// The whole machine on one page: a change of behaviour is a change to this table.
    ///
    /// - SeeAlso: RFC 2661 §7.2.1
    @Test("L15: every state meets every message")
    func everyStateMeetsEveryEvent() {
        var table: [String] = []
        for state in ["waitControlConnection", "established", "closing"] {
            func row(_ event: String, _ body: (inout Bench) -> [String]) {
                var machine = bench(in: state)
                #expect(machine.connection.state.name == state)
                let effects = body(&machine).joined(separator: " ")
                table.append("\(state) + \(event): \(effects) > \(machine.connection.state.name)")
            }
            for message in everyMessage + [.unknown(MessageType(rawValue: 99))] {
                guard case .unknown(let type) = message else {
                    row("\(message.type)") { $0.receive(message) }
                    continue
                }
                let avp = AVP(.messageType, value: [0, UInt8(type.rawValue)], isMandatory: false)
                row("\(type)") { machine in
                    var writer = ByteWriter()
                    avp.encode(into: &writer)
                    return machine.receive(writer.bytes)
                }
            }
            row("mandatory message type 99") { $0.receive(hex("8008 0000 0000 0063")) }
            row("half an AVP") { $0.receive(hex("8008 0000 0000 0006 80")) }
            row("StopCCN without AVPs") { $0.receive(hex("8008 0000 0000 0004")) }
            row("ICRQ without AVPs") { $0.receive(hex("8008 0000 0000 000a")) }
            row("close") { $0.close() }
            row("abandon") { $0.abandon() }
            row("peer silent for 40 s") { machine in
                // Whatever is under way was acknowledged, but nothing else comes.
                _ = machine.receive([])
                return machine.advance(to: 40)
            }
            row("peer silent for 61 s") { machine in
                _ = machine.receive([])
                return machine.advance(to: 61)
            }
        }
        #expect(table.joined(separator: "\n") == golden)
    }

    @Test(
        "L08: a Challenge Response that is missing, short, long, wrong or misplaced ends the tunnel, the right one does not"
    )
    func demandsTheRightResponse() {
        let shared = secret(Self.secretText)
        let right = TunnelAuthentication.response(to: [UInt8](1...16), in: .scccn, secret: shared)
        var wrong = right
        wrong[15] ^= 1
        // As for an SCCRP: the type counts.
        let misplaced = TunnelAuthentication.response(to: [UInt8](1...16), in: .sccrp, secret: shared)
        for response in [nil, wrong, misplaced, Array(right.prefix(15)), right + [0], []] {
            var machine = bench(in: "waitControlConnection", secret: shared)
            let words = machine.receive(.scccn(challengeResponse: response))
            let isWhole = response.map { $0.count == 16 } ?? true
            #expect(words == [isWhole ? "(tunnel-authentication-failed)" : "(malformed-message)", "StopCCN"])
            #expect(machine.connection.state.name == "closing")
        }
        var machine = bench(in: "waitControlConnection", secret: shared)
        let words = machine.receive(.scccn(challengeResponse: right))
        #expect(words == ["connectionEstablished", "ZLB"])
    }

    @Test func aResponseNobodyAskedForIsIgnored() {
        var machine = bench(in: "waitControlConnection")
        let words = machine.receive(.scccn(challengeResponse: [UInt8](repeating: 0, count: 16)))
        #expect(words == ["connectionEstablished", "ZLB"])
    }

    /// The rows of RFC 2661 §7.4.2 for a session that does not exist are in the table above; these are for one that
    /// does.
    @Test func callsComeUpAndEnd() {
        var machine = bench(in: "established")
        #expect(call(&machine) == ["sessionOpening", "ICRP"])
        let local = machine.connection.sessions.keys.first
        let connected = ControlMessage.iccn(ConnectedCall(txConnectSpeed: 1, framing: .synchronous))
        #expect(receive(&machine, connected, local) == ["sessionEstablished", "ZLB"])
        #expect(receive(&machine, .cdn(assigned: session(5), ResultCode(3)), local) == ["sessionClosed", "ZLB"])
        #expect(receive(&machine, .cdn(assigned: session(5), ResultCode(3)), local) == ["(unknown-session)", "ZLB"])
        #expect(receive(&machine, connected, local) == ["(unknown-session)", "ZLB"])
    }

    /// The LAC knows no number of ours yet: RFC 2661 §4.4.4, Assigned Session ID.
    @Test func aCallIsTakenBackByThePeersNumber() {
        var machine = bench(in: "established")
        _ = call(&machine)
        #expect(receive(&machine, .cdn(assigned: session(5), ResultCode(3)), nil) == ["sessionClosed", "ZLB"])
    }

    @Test("L10: an ICRQ with a session id that is in use ends that call")
    func aSecondICRQWithTheSameNumberEndsTheCall() {
        var machine = bench(in: "established")
        _ = call(&machine)
        #expect(call(&machine) == ["(session-failed)", "sessionClosed", "CDN"])
    }

    @Test func aCallThatStaysUnansweredIsEnded() {
        var machine = bench(in: "established")
        _ = call(&machine)
        _ = receive(&machine, .hello, nil)
        #expect(machine.connection.nextDeadline(machine.configuration) == seconds(40))
        let words = machine.advance(to: 40)
        #expect(words == ["(session-establishment-timeout)", "sessionClosed", "CDN"])
    }

    @Test func anUnreadableMessageEndsItsCallOnly() {
        var machine = bench(in: "established")
        _ = call(&machine)
        let local = machine.connection.sessions.keys.first
        let words = machine.receive(hex("8008 0000 0000 000c"), session: local)
        #expect(words == ["(malformed-message)", "sessionClosed", "CDN"])
        #expect(machine.connection.state.name == "established")
    }

    @Test func aRefusedICRQIsAnsweredToItsNumber() {
        var machine = bench(in: "established")
        // Without a serial number.
        let words = machine.receive(hex("8008 0000 0000 000a 8008 0000 000e 0005"))
        #expect(words == ["(malformed-message)", "CDN"])
    }

    @Test func anUnreadableCDNIsOne() {
        var machine = bench(in: "established")
        _ = call(&machine)
        let local = machine.connection.sessions.keys.first
        #expect(machine.receive(hex("8008 0000 0000 000e"), session: local) == ["sessionClosed", "ZLB"])
    }

    private func call(_ machine: inout Bench) -> [String] {
        machine.receive(.icrq(IncomingCall(assigned: session(5), callSerialNumber: 1)))
    }

    private func receive(_ machine: inout Bench, _ message: ControlMessage, _ session: SessionID?) -> [String] {
        machine.receive(message, session: session)
    }
}

private let golden = """
    waitControlConnection + SCCRQ: (unexpected-message) StopCCN > closing
    waitControlConnection + SCCRP: (unexpected-message) StopCCN > closing
    waitControlConnection + SCCCN: connectionEstablished ZLB > established
    waitControlConnection + StopCCN: (tunnel-stopped) ZLB connectionClosed > closing
    waitControlConnection + HELLO: ZLB > waitControlConnection
    waitControlConnection + OCRQ: (outgoing-call-refused) CDN > waitControlConnection
    waitControlConnection + OCRP: (unexpected-message) CDN > waitControlConnection
    waitControlConnection + OCCN: (unknown-session) ZLB > waitControlConnection
    waitControlConnection + ICRQ: (unexpected-message) CDN > waitControlConnection
    waitControlConnection + ICRP: (unexpected-message) CDN > waitControlConnection
    waitControlConnection + ICCN: (unknown-session) ZLB > waitControlConnection
    waitControlConnection + CDN: (unknown-session) ZLB > waitControlConnection
    waitControlConnection + WEN: (unknown-session) ZLB > waitControlConnection
    waitControlConnection + SLI: (unknown-session) ZLB > waitControlConnection
    waitControlConnection + message type 99: (unknown-message) ZLB > waitControlConnection
    waitControlConnection + mandatory message type 99: (malformed-message) StopCCN > closing
    waitControlConnection + half an AVP: (malformed-message) StopCCN > closing
    waitControlConnection + StopCCN without AVPs: (tunnel-stopped) ZLB connectionClosed > closing
    waitControlConnection + ICRQ without AVPs: (malformed-message) ZLB > waitControlConnection
    waitControlConnection + close: (tunnel-stopped) StopCCN > closing
    waitControlConnection + abandon: connectionClosed > closed
    waitControlConnection + peer silent for 40 s: (tunnel-establishment-timeout) StopCCN > closing
    waitControlConnection + peer silent for 61 s: (tunnel-establishment-timeout) StopCCN > closing
    established + SCCRQ: (unexpected-message) StopCCN > closing
    established + SCCRP: (unexpected-message) StopCCN > closing
    established + SCCCN: (unexpected-message) StopCCN > closing
    established + StopCCN: (tunnel-stopped) ZLB connectionClosed > closing
    established + HELLO: ZLB > established
    established + OCRQ: (outgoing-call-refused) CDN > established
    established + OCRP: (unexpected-message) CDN > established
    established + OCCN: (unknown-session) ZLB > established
    established + ICRQ: sessionOpening ICRP > established
    established + ICRP: (unexpected-message) CDN > established
    established + ICCN: (unknown-session) ZLB > established
    established + CDN: (unknown-session) ZLB > established
    established + WEN: (unknown-session) ZLB > established
    established + SLI: (unknown-session) ZLB > established
    established + message type 99: (unknown-message) ZLB > established
    established + mandatory message type 99: (malformed-message) StopCCN > closing
    established + half an AVP: (malformed-message) StopCCN > closing
    established + StopCCN without AVPs: (tunnel-stopped) ZLB connectionClosed > closing
    established + ICRQ without AVPs: (malformed-message) ZLB > established
    established + close: (tunnel-stopped) StopCCN > closing
    established + abandon: connectionClosed > closed
    established + peer silent for 40 s:  > established
    established + peer silent for 61 s: HELLO > established
    closing + SCCRQ: ZLB > closing
    closing + SCCRP: ZLB > closing
    closing + SCCCN: ZLB > closing
    closing + StopCCN: ZLB > closing
    closing + HELLO: ZLB > closing
    closing + OCRQ: ZLB > closing
    closing + OCRP: ZLB > closing
    closing + OCCN: ZLB > closing
    closing + ICRQ: ZLB > closing
    closing + ICRP: ZLB > closing
    closing + ICCN: ZLB > closing
    closing + CDN: ZLB > closing
    closing + WEN: ZLB > closing
    closing + SLI: ZLB > closing
    closing + message type 99: ZLB > closing
    closing + mandatory message type 99: ZLB > closing
    closing + half an AVP: ZLB > closing
    closing + StopCCN without AVPs: ZLB > closing
    closing + ICRQ without AVPs: ZLB > closing
    closing + close:  > closing
    closing + abandon:  > closed
    closing + peer silent for 40 s:  > closed
    closing + peer silent for 61 s:  > closed
    """
