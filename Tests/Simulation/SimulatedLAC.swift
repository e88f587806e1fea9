// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import L2TP
package import Primitives

/// A client as seen from an LNS: one tunnel, calls in it, frames in those. It does what a well-behaved client does,
/// in the fewest words, over the codec and the reliable channel of the LNS itself.
///
/// Every method that makes it speak returns the datagrams it sends.
package struct SimulatedLAC: Sendable {
    package enum State: Hashable, Sendable {
        case idle
        case waitReply
        case established
        /// With what the LNS said; `nil` if we hung up.
        case stopped(ResultCode?)
        /// The LNS acknowledged nothing for a whole cycle.
        case gaveUp
        /// The LNS does not know the secret.
        case distrustful
    }

    package struct Call: Hashable, Sendable {
        package enum State: Hashable, Sendable {
            case waitReply
            case established
            case ended(ResultCode?)
        }

        /// Ours.
        package let id: SessionID
        package fileprivate(set) var peerID: SessionID?
        package fileprivate(set) var state = State.waitReply
        package fileprivate(set) var receivedFrames: [[UInt8]] = []
        package fileprivate(set) var receivedNs: [SequenceNumber?] = []
    }

    package let id: TunnelID
    package private(set) var peerID: TunnelID?
    package private(set) var state = State.idle
    /// In the order in which they were opened.
    package private(set) var calls: [Call] = []
    package var habits = Habits()
    /// Hears nothing and says nothing, like a phone in a pocket.
    package var isAsleep = false

    private let hostName: String
    private let secret: SecretBytes?
    private let entropy: any EntropySource
    private let challenge: [UInt8]?
    private var channel: ReliableDelivery
    private var nextSerialNumber: UInt32?

    package init(
        hostName: String,
        secret: SecretBytes?,
        entropy: any EntropySource,
        id: TunnelID? = nil
    ) {
        self.hostName = hostName
        self.secret = secret
        self.entropy = entropy
        // Odd numbers are never zero.
        self.id = id ?? TunnelID(rawValue: entropy.integer() | 1)!
        challenge = secret == nil ? nil : entropy.bytes(32)
        channel = ReliableDelivery(
            peerTunnel: nil,
            peerWindow: 4,
            window: 16,
            schedule: RetransmissionSchedule()
        )
    }

    package var nextDeadline: MonotonicTime? { isAsleep ? nil : channel.deadline }
    /// Whether all it sent was acknowledged.
    package var isSettled: Bool { channel.isIdle }

    package mutating func start(at now: MonotonicTime) -> [[UInt8]] {
        channel = ReliableDelivery(
            peerTunnel: nil,
            peerWindow: 4,
            window: max(habits.receiveWindowSize, 1),
            schedule: habits.schedule
        )
        if let fields = habits.sccrq {
            channel.send(encode(.sccrq, fields, id: id.rawValue), session: nil)
        } else {
            var offer = TunnelOffer(assigned: id, hostName: hostName)
            offer.receiveWindowSize = habits.receiveWindowSize
            offer.challenge = challenge
            send(.sccrq(offer))
        }
        state = .waitReply
        return channel.flush(at: now)
    }

    /// Asks for a call. Until the tunnel is up the ICRQ waits for its turn.
    package mutating func openSession(at now: MonotonicTime) -> [[UInt8]] {
        var id: SessionID?
        while id == nil || calls.contains(where: { $0.id == id }) { id = SessionID(rawValue: entropy.integer()) }
        guard let id else { return [] }
        calls.append(Call(id: id))
        if state == .established { request(id) }
        return channel.flush(at: now)
    }

    package mutating func receive(_ datagram: [UInt8], at now: MonotonicTime) -> [[UInt8]] {
        guard !isAsleep else { return [] }
        var reader = ByteReader(datagram)
        var sent: [[UInt8]] = []
        switch try? Datagram(from: &reader) {
        case .data(let header, let frame):
            guard header.tunnel == id, let index = calls.firstIndex(where: { $0.id == header.session }) else { break }
            calls[index].receivedFrames.append(Array(frame))
            calls[index].receivedNs.append(header.ns)
        case .control(let header, let body):
            guard header.tunnel == id, case .delivered(let messages) = channel.receive(header, body, at: now) else {
                break
            }
            if habits.acknowledgesAtOnce {
                learnTunnel(from: messages)
                sent += channel.flush(at: now)
            }
            for message in messages { take(message) }
        case nil:
            break
        }
        return sent + channel.flush(at: now)
    }

    package mutating func advance(to now: MonotonicTime) -> [[UInt8]] {
        guard !isAsleep else { return [] }
        guard channel.advance(to: now) else {
            channel.dropUnacknowledged()
            state = .gaveUp
            return []
        }
        return channel.flush(at: now)
    }

    /// A PPP frame in a data message of a call that the LNS has answered.
    package func send(frame: [UInt8], in call: Int = 0) -> [[UInt8]] {
        guard calls.indices.contains(call), let session = calls[call].peerID, let peerID else { return [] }
        return [DataHeader(tunnel: peerID, session: session).datagram(around: frame)]
    }

    package mutating func hangUp(call: Int, at now: MonotonicTime) -> [[UInt8]] {
        guard calls.indices.contains(call) else { return [] }
        let ended = calls[call]
        if let result = habits.callResult {
            send(.cdn(assigned: ended.id, ResultCode(result)), session: ended.peerID)
        }
        calls[call].state = .ended(nil)
        return channel.flush(at: now)
    }

    /// Closes the tunnel.
    package mutating func hangUp(at now: MonotonicTime) -> [[UInt8]] {
        send(.stopCCN(assigned: id, ResultCode(habits.stopResult)))
        stop(nil)
        return channel.flush(at: now)
    }

    package mutating func sendHello(at now: MonotonicTime) -> [[UInt8]] {
        send(.hello)
        return channel.flush(at: now)
    }

    /// Sends any message at all.
    package mutating func send(
        _ message: ControlMessage,
        session: SessionID? = nil,
        at now: MonotonicTime
    ) -> [[UInt8]] {
        send(message, session: session)
        return channel.flush(at: now)
    }

    /// Sends AVPs as they are.
    package mutating func send(avps: [UInt8], session: SessionID? = nil, at now: MonotonicTime) -> [[UInt8]] {
        channel.send(avps, session: session)
        return channel.flush(at: now)
    }

    private mutating func send(_ message: ControlMessage, session: SessionID? = nil) {
        if habits.swapsResultBytes, message.type == .stopCCN || message.type == .cdn {
            channel.send(Self.withSwappedResult(message), session: session)
            return
        }
        let hiding = habits.hides ? secret.map { Hiding(secret: $0, randomVector: entropy.bytes(16)) } : nil
        channel.send(message.encoded(hiding: hiding), session: session)
    }

    private mutating func request(_ id: SessionID) {
        let number = nextSerialNumber ?? habits.firstSerialNumber
        nextSerialNumber = number &+ 1
        if let fields = habits.icrq {
            channel.send(encode(.icrq, fields, id: id.rawValue, serialNumber: number), session: nil)
        } else {
            send(.icrq(IncomingCall(assigned: id, callSerialNumber: number)))
        }
    }

    private func encode(
        _ type: MessageType,
        _ fields: [Habits.Field],
        id: UInt16,
        serialNumber: UInt32 = 0
    ) -> [UInt8] {
        var writer = ByteWriter()
        func append(_ attribute: AttributeType, _ body: (inout ByteWriter) -> Void) {
            var value = ByteWriter()
            body(&value)
            AVP(attribute, value: value.bytes).encode(into: &writer)
        }
        append(.messageType) { $0.integer(type.rawValue) }
        for field in fields {
            switch field {
            case .hostName: append(.hostName) { $0.append(Array(hostName.utf8)) }
            case .assignedID:
                append(type == .sccrq ? .assignedTunnelID : .assignedSessionID) { $0.integer(id) }
            case .receiveWindowSize: append(.receiveWindowSize) { $0.integer(habits.receiveWindowSize) }
            case .challenge: if let challenge { append(.challenge) { $0.append(challenge) } }
            case .callSerialNumber: append(.callSerialNumber) { $0.integer(serialNumber) }
            case .value(let attribute, let bytes): append(attribute) { $0.append(bytes) }
            }
        }
        return writer.bytes
    }

    private static func withSwappedResult(_ message: ControlMessage) -> [UInt8] {
        var writer = ByteWriter()
        for var avp in message.avps {
            if avp.attribute == .resultCode {
                avp.value = (avp.value.prefix(2).reversed() + avp.value.dropFirst(2))[...]
            }
            avp.encode(into: &writer)
        }
        return writer.bytes
    }

    private mutating func stop(_ result: ResultCode?) {
        state = .stopped(result)
        for index in calls.indices {
            if case .ended = calls[index].state { continue }
            calls[index].state = .ended(result)
        }
    }

    /// Even a ZLB has to say whose it is.
    private mutating func learnTunnel(from messages: [ReliableDelivery.Message]) {
        guard channel.peerTunnel == nil, var body = messages.first?.body else { return }
        var ignored: [MessageError] = []
        if case .sccrp(let offer, _)? = try? ControlMessage(from: &body, secret: secret, ignored: &ignored) {
            channel.peerTunnel = offer.assigned
        }
    }

    private mutating func take(_ received: ReliableDelivery.Message) {
        var body = received.body
        var ignored: [MessageError] = []
        guard let message = try? ControlMessage(from: &body, secret: secret, ignored: &ignored) else { return }
        let call = calls.firstIndex { $0.id == received.session }
        switch message {
        case .sccrp(let offer, let response):
            guard state == .waitReply else { return }
            peerID = offer.assigned
            channel.peerTunnel = offer.assigned
            channel.peerWindow = habits.sendsOneAtATime ? 1 : Int(offer.receiveWindowSize)
            if let challenge, let secret, habits.sccrq?.contains(.challenge) ?? true {
                guard response == TunnelAuthentication.response(to: challenge, in: .sccrp, secret: secret) else {
                    state = .distrustful
                    send(.stopCCN(assigned: id, ResultCode(4)))
                    return
                }
            }
            var answer: [UInt8]?
            if let challenge = offer.challenge, let secret {
                answer = TunnelAuthentication.response(to: challenge, in: .scccn, secret: secret)
            }
            send(.scccn(challengeResponse: answer))
            state = .established
            for call in calls { request(call.id) }
        case .icrp(let assigned):
            guard let call, calls[call].state == .waitReply else { return }
            calls[call].peerID = assigned
            guard habits.answersCalls else { return }
            calls[call].state = .established
            if let fields = habits.iccn {
                channel.send(encode(.iccn, fields, id: calls[call].id.rawValue), session: assigned)
                return
            }
            var connected = ConnectedCall(txConnectSpeed: 100_000_000, framing: .synchronous)
            connected.requiresSequencing = habits.requiresSequencing
            send(.iccn(connected), session: assigned)
        case .cdn(_, let result):
            guard let call else { return }
            calls[call].state = .ended(result)
        case .stopCCN(let assigned, let result):
            if peerID == nil { channel.peerTunnel = assigned }
            stop(result)
        case .hello, .scccn, .sccrq, .ocrq, .ocrp, .occn, .icrq, .iccn, .wen, .sli, .unknown:
            return
        }
    }
}
