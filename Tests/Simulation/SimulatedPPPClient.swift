// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import PPP
package import Primitives

/// A PPP client as a laptop has one: it dials, proves who it is, and asks for an address and name servers.
///
/// It shares the codec with the product and nothing else: what it says and when, it decides for itself, in a simple
/// way. A value, like the link it talks to: frames and the time go in, frames come out.
package struct SimulatedPPPClient: Sendable {
    package struct Configuration: Sendable {
        package var user: String
        /// Tried one after the other, as far as the server lets it try again.
        package var passwords: [String]
        /// What it is ready to prove itself with; anything else is answered with a Nak that names the first.
        package var methods: [AuthenticationMethod]
        package var wantsDNS: Bool
        /// Asked for instead of 0.0.0.0.
        package var requestedAddress: UInt32 = 0
        /// Whether it starts with options and protocols that a Windows client tries: callback, CCP.
        package var triesEverything = true
        /// Whether it sends its IPCP Configure-Request together with its proof.
        package var isEager = false
        package var mru: UInt16 = 1400
        package var restartTimer: Duration = .seconds(3)
        /// Requests of one kind before it gives up.
        package var limit = 10
        /// What it says instead of what the properties above make of it; `nil` for those.
        package var habits: Habits?

        package init(user: String, passwords: [String], methods: [AuthenticationMethod], wantsDNS: Bool = true) {
            self.user = user
            self.passwords = passwords
            self.methods = methods
            self.wantsDNS = wantsDNS
        }
    }

    private enum Stage: Sendable {
        case idle
        case lcp
        case authentication
        case ipcp
        case up
        case over
    }

    /// One direction of a negotiation is acknowledged by the peer, the other by us.
    private struct Negotiation: Sendable {
        var identifier: UInt8 = 0
        var options: [PPP.Option] = []
        var oursAcknowledged = false
        var theirsAcknowledged = false
        /// Their request that was acknowledged last.
        var acknowledged: ControlPacket?

        var isDone: Bool { oursAcknowledged && theirsAcknowledged }
    }

    private struct Other: Sendable {
        var number: ProtocolNumber
        var frame: [UInt8]
        var sent = 0
        var deadline: MonotonicTime?
    }

    private let configuration: Configuration
    private let entropy: any EntropySource
    private var stage = Stage.idle
    private var lcp = Negotiation()
    private var ipcp = Negotiation()
    private var method: AuthenticationMethod?
    private var passwordIndex = 0
    private var papIdentifier: UInt8 = 0
    /// What the server has to prove with MS-CHAPv2.
    private var expectedProof: String?
    /// A challenge that comes twice is answered with the same Response.
    private var answered: (challenge: ControlPacket, response: [UInt8])?
    private var sent = 0
    private var restartDeadline: MonotonicTime?
    /// Control protocols begun besides IPCP, which nobody waits for.
    private var others: [Other] = []

    package private(set) var address: IPAddress?
    /// How long the server's packets may be, as it says itself (RFC 1661 §6.1).
    package private(set) var serverMRU: Int?
    package private(set) var dns: [IPAddress] = []
    /// Why there is no call, in a word or two.
    package private(set) var failure: String?
    /// Protocols that the server does not speak.
    package private(set) var rejectedProtocols: [ProtocolNumber] = []

    package init(_ configuration: Configuration, entropy: any EntropySource) {
        self.configuration = configuration
        self.entropy = entropy
    }

    package init(user: String, password: String, methods: [AuthenticationMethod], wantsDNS: Bool, seed: UInt64 = 1) {
        self.init(
            Configuration(user: user, passwords: [password], methods: methods, wantsDNS: wantsDNS),
            entropy: SeededEntropy(seed: seed)
        )
    }

    package var nextDeadline: MonotonicTime? {
        ([restartDeadline] + others.map(\.deadline)).compactMap(\.self).min()
    }

    package var isUp: Bool { stage == .up }
    package var isOver: Bool { stage == .over }
    /// The method that was agreed on.
    package var agreedMethod: AuthenticationMethod? { method }

    package mutating func start(at now: MonotonicTime) -> [[UInt8]] {
        guard stage == .idle else { return [] }
        stage = .lcp
        if let habits = configuration.habits {
            lcp.identifier = habits.firstIdentifier &- 1
            lcp.options = habits.lcp.map { option in
                option == Habits.magicNumber ? PPP.Option(5, integer: entropy.integer(UInt32.self)) : option
            }
            return request(at: now)
        }
        lcp.options = [
            PPP.Option(1, integer: configuration.mru), PPP.Option(5, integer: entropy.integer(UInt32.self)),
            PPP.Option(7), PPP.Option(8),
        ]
        if configuration.triesEverything { lcp.options.append(PPP.Option(13, [6])) }
        return request(at: now)
    }

    package mutating func advance(to now: MonotonicTime) -> [[UInt8]] {
        let repeated = repeatOthers(at: now)
        guard let deadline = restartDeadline, deadline <= now else { return repeated }
        guard sent < configuration.limit else { return fail("no answer") }
        return repeated + repetition(at: now)
    }

    private mutating func repeatOthers(at now: MonotonicTime) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        for index in others.indices {
            guard let deadline = others[index].deadline, deadline <= now else { continue }
            others[index].sent += 1
            let isLast = others[index].sent >= configuration.limit
            others[index].deadline = isLast ? nil : now.advanced(by: configuration.restartTimer)
            frames.append(others[index].frame)
        }
        return frames
    }

    package mutating func hangUp(at now: MonotonicTime) -> [[UInt8]] {
        guard stage != .over else { return [] }
        stage = .over
        restartDeadline = nil
        others = []
        return [ControlPacket(.terminateRequest, identifier: 0x77, data: Array("bye".utf8)[...]).frame(.lcp)]
    }

    package mutating func receive(_ bytes: [UInt8], at now: MonotonicTime) -> [[UInt8]] {
        var reader = ByteReader(bytes)
        guard let frame = try? Frame(from: &reader) else { return [] }
        var information = ByteReader(frame.information)
        guard let packet = try? ControlPacket(from: &information) else { return [] }
        switch frame.protocolNumber {
        case .lcp: return receiveLCP(packet, now)
        case .pap: return receivePAP(packet, now)
        case .chap: return receiveCHAP(packet, now)
        case .ipcp: return receiveIPCP(packet, now)
        default: return []
        }
    }

    private var isEager: Bool { configuration.habits?.isEager ?? configuration.isEager }

    private var identifications: [[UInt8]] {
        let magic = lcp.options.first { $0.type == 5 }?.value ?? [0, 0, 0, 0]
        return (configuration.habits?.identifications ?? []).enumerated().map { index, text in
            ControlPacket(.identification, identifier: UInt8(index + 2), data: magic + text.utf8).frame(.lcp)
        }
    }

    private mutating func fail(_ reason: String) -> [[UInt8]] {
        failure = failure ?? reason
        stage = .over
        restartDeadline = nil
        others = []
        return []
    }

    private mutating func request(at now: MonotonicTime) -> [[UInt8]] {
        sent = 0
        switch stage {
        case .lcp: lcp.identifier &+= 1
        case .ipcp: ipcp.identifier &+= 1
        case .idle, .authentication, .up, .over: break
        }
        return repetition(at: now)
    }

    private mutating func repetition(at now: MonotonicTime) -> [[UInt8]] {
        sent += 1
        restartDeadline = now.advanced(by: configuration.restartTimer)
        switch stage {
        case .lcp:
            return [configureRequest(lcp, .lcp)]
        case .authentication where method == .pap:
            papIdentifier &+= 1
            return [papRequest()]
        case .authentication:
            // The server asks; all there is to do is to wait.
            return []
        case .ipcp:
            return [configureRequest(ipcp, .ipcp)]
        case .idle, .up, .over:
            restartDeadline = nil
            return []
        }
    }

    private func configureRequest(_ negotiation: Negotiation, _ number: ProtocolNumber) -> [UInt8] {
        let data = PPP.Option.encode(negotiation.options)
        return ControlPacket(.configureRequest, identifier: negotiation.identifier, data: data[...]).frame(number)
    }

    private static func reply(
        _ code: ControlPacket.Code,
        to packet: ControlPacket,
        _ data: ArraySlice<UInt8>,
        _ number: ProtocolNumber
    ) -> [UInt8] {
        ControlPacket(code, identifier: packet.identifier, data: data).frame(number)
    }

    /// Our own request came back with objections: says it again without what the server will not have, and with the
    /// values it would rather see.
    private static func amend(_ negotiation: inout Negotiation, by packet: ControlPacket) {
        guard let objections = try? PPP.Option.list(from: packet.data) else { return }
        if packet.code == .configureReject {
            negotiation.options.removeAll { option in objections.contains { $0.type == option.type } }
        } else {
            for objection in objections {
                if let index = negotiation.options.firstIndex(where: { $0.type == objection.type }) {
                    negotiation.options[index] = objection
                } else {
                    negotiation.options.append(objection)
                }
            }
        }
    }

    private mutating func receiveLCP(_ packet: ControlPacket, _ now: MonotonicTime) -> [[UInt8]] {
        guard stage != .idle else { return [] }
        switch packet.code {
        case .configureRequest:
            return receiveLCPRequest(packet, now)
        case .configureAck where packet.identifier == lcp.identifier && stage == .lcp:
            lcp.oursAcknowledged = true
            return lcpProgress(now)
        case .configureNak, .configureReject:
            guard packet.identifier == lcp.identifier, stage == .lcp, !lcp.oursAcknowledged else { return [] }
            Self.amend(&lcp, by: packet)
            return request(at: now)
        case .terminateRequest:
            let answer = Self.reply(.terminateAck, to: packet, [], .lcp)
            _ = fail("terminated by the server")
            return [answer]
        case .echoRequest:
            return isUp || stage == .ipcp || stage == .authentication
                ? [Self.reply(.echoReply, to: packet, [0, 0, 0, 0] + packet.data.dropFirst(4), .lcp)] : []
        case .protocolReject:
            var reader = ByteReader(packet.data)
            if let number = try? reader.integer(UInt16.self) {
                rejectedProtocols.append(ProtocolNumber(rawValue: number))
                others.removeAll { $0.number.rawValue == number }
            }
            return []
        default:
            return []
        }
    }

    private mutating func receiveLCPRequest(_ packet: ControlPacket, _ now: MonotonicTime) -> [[UInt8]] {
        guard let options = try? PPP.Option.list(from: packet.data) else { return [] }
        let wanted = options.first { $0.type == 3 }.flatMap { AuthenticationProposal($0.value) }
        guard let wanted, let asked = wanted.method, configuration.methods.contains(asked) else {
            guard let first = configuration.methods.first, wanted != nil else {
                return [Self.reply(.configureReject, to: packet, packet.data, .lcp)]
            }
            let better = PPP.Option.encode([PPP.Option(3, AuthenticationProposal(first).value[...])])
            return [Self.reply(.configureNak, to: packet, better[...], .lcp)]
        }
        method = asked
        serverMRU = options.first { $0.type == 1 }.map { $0.value.reduce(0) { $0 << 8 | Int($1) } }
        let ack = Self.reply(.configureAck, to: packet, packet.data, .lcp)
        if Self.isRenegotiation(packet, &lcp, since: .lcp, now: &stage) {
            ipcp = Negotiation()
            return request(at: now) + [ack]
        }
        return [ack] + lcpProgress(now)
    }

    private mutating func lcpProgress(_ now: MonotonicTime) -> [[UInt8]] {
        guard stage == .lcp, lcp.isDone else { return [] }
        stage = .authentication
        let first = identifications + request(at: now)
        return isEager && method == .pap ? first + startIPCP(now) : first
    }

    /// Notes their request. A new one, when all was agreed on, starts that layer again.
    private static func isRenegotiation(
        _ packet: ControlPacket,
        _ negotiation: inout Negotiation,
        since first: Stage,
        now stage: inout Stage
    ) -> Bool {
        let isNew = negotiation.acknowledged != packet
        negotiation.acknowledged = packet
        negotiation.theirsAcknowledged = true
        guard negotiation.oursAcknowledged, isNew, stage != first else { return false }
        negotiation.oursAcknowledged = false
        stage = first
        return true
    }

    private var password: SecretBytes {
        SecretBytes(copying: configuration.passwords[min(passwordIndex, configuration.passwords.count - 1)].utf8)
    }

    private func papRequest() -> [UInt8] {
        var writer = ByteWriter()
        PAPRequest(peerID: Array(configuration.user.utf8)[...], password: password).encode(into: &writer)
        return ControlPacket(PAPRequest.request, identifier: papIdentifier, data: writer.bytes[...]).frame(.pap)
    }

    private mutating func receivePAP(_ packet: ControlPacket, _ now: MonotonicTime) -> [[UInt8]] {
        guard stage == .authentication || (isEager && stage == .ipcp), method == .pap else { return [] }
        switch packet.code {
        case PAPRequest.ack: return stage == .ipcp ? [] : startIPCP(now)
        case PAPRequest.nak: return fail("refused")
        default: return []
        }
    }

    private mutating func receiveCHAP(_ packet: ControlPacket, _ now: MonotonicTime) -> [[UInt8]] {
        switch packet.code {
        case CHAPValue.challenge:
            var reader = ByteReader(packet.data)
            guard let challenge = try? CHAPValue(from: &reader), stage != .lcp, stage != .idle, stage != .over else {
                return []
            }
            if let answered, answered.challenge == packet { return [answered.response] }
            let response = respond(to: Array(challenge.value), identifier: packet.identifier)
            answered = (packet, response)
            return isEager && stage == .authentication ? [response] + startIPCP(now) : [response]
        case CHAPValue.success:
            if let expectedProof, !String(decoding: packet.data, as: UTF8.self).hasPrefix(expectedProof) {
                return fail("the server does not know the password")
            }
            return stage == .authentication ? startIPCP(now) : []
        case CHAPValue.failure:
            guard stage == .authentication else { return fail("refused") }
            let message = String(decoding: packet.data, as: UTF8.self)
            guard message.contains("R=1"), passwordIndex + 1 < configuration.passwords.count,
                let challenge = Self.challenge(in: message)
            else { return fail("refused") }
            passwordIndex += 1
            return [respond(to: challenge, identifier: packet.identifier &+ 1)]
        default:
            return []
        }
    }

    private static func challenge(in message: String) -> [UInt8]? {
        let fields = message.split(separator: " ")
        guard let field = fields.first(where: { $0.hasPrefix("C=") }), field.utf8.count == 34 else { return nil }
        let digits = Array(field.dropFirst(2).utf8)
        return stride(from: 0, to: 32, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
    }

    private mutating func respond(to challenge: [UInt8], identifier: UInt8) -> [UInt8] {
        let name = Array(configuration.user.utf8)[...]
        var writer = ByteWriter()
        if method == .mschapv2 {
            CHAPValue(value: mschapv2Value(for: challenge)[...], name: name).encode(into: &writer)
        } else {
            let digest = Hash.digest(.md5, inputs: [.bytes([identifier]), .secret(password), .bytes(challenge)])
            CHAPValue(value: digest[...], name: name).encode(into: &writer)
        }
        return ControlPacket(CHAPValue.response, identifier: identifier, data: writer.bytes[...]).frame(.chap)
    }

    private mutating func mschapv2Value(for challenge: [UInt8]) -> [UInt8] {
        let peerChallenge = entropy.bytes(16)
        let hash = MSCHAPv2.ntPasswordHash(password) ?? SecretBytes(copying: [UInt8](repeating: 0, count: 16))
        let short = MSCHAPv2.challengeHash(
            peerChallenge: peerChallenge,
            authenticatorChallenge: challenge,
            userName: configuration.user
        )
        let ntResponse = MSCHAPv2.challengeResponse(challenge: short, passwordHash: hash)
        let proof = MSCHAPv2.authenticatorResponse(passwordHash: hash, ntResponse: ntResponse, challenge: short)
        expectedProof = "S=" + proof.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
        var writer = ByteWriter()
        MSCHAPv2Response(peerChallenge: peerChallenge, ntResponse: ntResponse).encode(into: &writer)
        return writer.bytes
    }

    private mutating func startIPCP(_ now: MonotonicTime) -> [[UInt8]] {
        stage = .ipcp
        if let habits = configuration.habits {
            ipcp.options = habits.ipcp
            others = habits.others.enumerated().map { index, other in
                let data = PPP.Option.encode(other.options)
                let packet = ControlPacket(.configureRequest, identifier: UInt8(index + 1), data: data[...])
                return Other(number: other.number, frame: packet.frame(other.number), deadline: now)
            }
            return repeatOthers(at: now) + request(at: now)
        }
        ipcp.options = [PPP.Option(3, integer: configuration.requestedAddress)]
        if configuration.wantsDNS {
            ipcp.options += [PPP.Option(129, integer: UInt32(0)), PPP.Option(131, integer: UInt32(0))]
        }
        if configuration.triesEverything {
            ipcp.options.append(PPP.Option(2, [0x00, 0x2D, 0x0F, 0x01]))
            let compression = ControlPacket(.configureRequest, identifier: 1, data: [18, 6, 1, 0, 0, 1])
            return [compression.frame(.ccp)] + request(at: now)
        }
        return request(at: now)
    }

    private mutating func receiveIPCP(_ packet: ControlPacket, _ now: MonotonicTime) -> [[UInt8]] {
        guard stage == .ipcp || stage == .up else { return [] }
        switch packet.code {
        case .configureRequest:
            let ack = Self.reply(.configureAck, to: packet, packet.data, .ipcp)
            return Self.isRenegotiation(packet, &ipcp, since: .ipcp, now: &stage)
                ? request(at: now) + [ack] : [ack] + ipcpProgress(now)
        case .configureAck where packet.identifier == ipcp.identifier && stage == .ipcp:
            ipcp.oursAcknowledged = true
            return ipcpProgress(now)
        case .configureNak, .configureReject:
            guard packet.identifier == ipcp.identifier, stage == .ipcp, !ipcp.oursAcknowledged else { return [] }
            Self.amend(&ipcp, by: packet)
            return request(at: now)
        case .terminateRequest:
            return [Self.reply(.terminateAck, to: packet, [], .ipcp)] + fail("IPCP terminated by the server")
        default:
            return []
        }
    }

    private mutating func ipcpProgress(_ now: MonotonicTime) -> [[UInt8]] {
        guard stage == .ipcp, ipcp.isDone else { return [] }
        stage = .up
        restartDeadline = nil
        dns = []
        for option in ipcp.options {
            guard let value = IPAddress(bytes: option.value) else { continue }
            switch option.type {
            case 3: address = value
            case 129, 131: dns.append(value)
            default: break
            }
        }
        return []
    }
}
