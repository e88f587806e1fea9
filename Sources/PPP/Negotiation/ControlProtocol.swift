// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// One control protocol at work: the automaton, its restart timer and counters, and the options it negotiates.
///
/// - SeeAlso: RFC 1661 §4
package struct ControlProtocol<Options: NegotiableOptions>: Sendable {
    package enum Effect: Hashable, Sendable {
        case send(ControlPacket)
        case thisLayerUp
        case thisLayerDown
        /// Negotiation is over without result, or after an orderly goodbye.
        case thisLayerFinished
        /// Negotiation cannot succeed: whoever owns the link ends it.
        case failed(NegotiationError)
        /// Configure-Requests stayed unanswered as often as Max-Configure allows. ``thisLayerFinished`` follows.
        case unanswered
        /// A packet that does not fit in here: a late duplicate, mostly. It was discarded.
        case unexpected(ControlPacket.Code)
        case malformed(DecodeError)
        /// This Echo-Request deserves an answer.
        case answerEcho(ControlPacket)
    }

    package var options: Options
    private var automaton = Automaton()
    /// When the restart timer runs out.
    package private(set) var nextDeadline: MonotonicTime?
    /// How often may still be sent before the peer counts as silent.
    private var restartCount = 0
    /// Of the last request sent, and whether it still waits for its answer.
    private var identifier: UInt8 = 0
    private var awaitsAnswer = false
    /// Of the last Code-Reject sent.
    private var codeRejects: UInt8 = 0
    /// Naks sent, and refusals received, since negotiation began.
    private var naksSent = 0
    private var refusalsReceived = 0
    /// The Configure-Request that opened the layer: a copy of it that comes later is not a new negotiation.
    private var accepted: ControlPacket?
    /// Configure-Requests that were refused on the way there: late copies of them are none either.
    private var refused: [ControlPacket] = []
    /// Longer ones are not remembered, nor more of them.
    private static var refusedLimits: (count: Int, length: Int) { (4, 256) }

    package init(_ options: Options) {
        self.options = options
    }

    package var state: Automaton.State { automaton.state }
    package var isOpened: Bool { automaton.state == .opened }

    package mutating func handle(_ event: Automaton.Event, limits: NegotiationLimits, at now: MonotonicTime) -> [Effect]
    {
        perform(event, with: nil, [], limits, now)
    }

    package mutating func advance(to now: MonotonicTime, limits: NegotiationLimits) -> [Effect] {
        guard let deadline = nextDeadline, deadline <= now else { return [] }
        guard restartCount > 0 else {
            let isNegotiating = automaton.state != .closing && automaton.state != .stopping
            return (isNegotiating ? [.unanswered] : []) + perform(.timeoutExpired, with: nil, [], limits, now)
        }
        return perform(.timeout, with: nil, [], limits, now)
    }

    /// Takes a packet with one of the codes 1 to 7, or one that this protocol does not know.
    package mutating func receive(_ packet: ControlPacket, limits: NegotiationLimits, at now: MonotonicTime) -> [Effect]
    {
        switch packet.code {
        case .configureRequest:
            return receiveConfigureRequest(packet, limits, now)
        case .configureAck:
            guard answersOurs(packet), Array(packet.data) == Option.encode(options.request) else {
                return [.unexpected(packet.code)]
            }
            awaitsAnswer = false
            refusalsReceived = 0
            return perform(.receiveConfigureAck, with: packet, [], limits, now)
        case .configureNak, .configureReject:
            return receiveRefusal(packet, limits, now)
        case .terminateRequest:
            return perform(.receiveTerminateRequest, with: packet, [], limits, now)
        case .terminateAck:
            return perform(.receiveTerminateAck, with: packet, [], limits, now)
        case .codeReject:
            return receiveCodeReject(packet, limits, now)
        default:
            return perform(.receiveUnknownCode, with: packet, [], limits, now)
        }
    }

    /// Takes an Echo-Request, which only an open protocol answers.
    package mutating func receiveEcho(
        _ packet: ControlPacket,
        limits: NegotiationLimits,
        at now: MonotonicTime
    ) -> [Effect] {
        perform(.receiveEcho, with: packet, [], limits, now)
    }

    private func answersOurs(_ packet: ControlPacket) -> Bool {
        awaitsAnswer && packet.identifier == identifier
    }

    private mutating func receiveConfigureRequest(
        _ packet: ControlPacket,
        _ limits: NegotiationLimits,
        _ now: MonotonicTime
    ) -> [Effect] {
        let asked: [Option]
        do throws(DecodeError) {
            asked = try Option.list(from: packet.data)
        } catch {
            return [.malformed(error)]
        }
        if isOpened, packet == accepted {
            accepted = nil
            return [.send(ControlPacket(.configureAck, identifier: packet.identifier, data: packet.data))]
        }
        // Once: a peer that has lost its state and begins with the same packet repeats it.
        if isOpened, let index = refused.firstIndex(of: packet) {
            refused.remove(at: index)
            return [.unexpected(packet.code)]
        }
        switch automaton.state {
        case .closing, .stopping, .initial, .starting, .closed:
            // Nobody is going to use these options.
            return perform(.receiveConfigureRequest, with: packet, [], limits, now)
        case .stopped, .requestSent, .ackReceived, .ackSent, .opened:
            break
        }
        switch options.judge(asked, mayNak: naksSent < limits.maxFailure) {
        case .ack:
            naksSent = 0
            accepted = packet
            return perform(.receiveConfigureRequest, with: packet, [], limits, now)
        case .nak(let proposed):
            naksSent += 1
            let answer = ControlPacket(
                .configureNak,
                identifier: packet.identifier,
                data: Option.encode(proposed)[...]
            )
            return refuse(packet, with: answer, limits, now)
        case .reject(let options):
            let answer = ControlPacket(
                .configureReject,
                identifier: packet.identifier,
                data: Option.encode(options)[...]
            )
            return refuse(packet, with: answer, limits, now)
        case .hopeless(let error):
            return [.failed(error)]
        }
    }

    private mutating func refuse(
        _ packet: ControlPacket,
        with answer: ControlPacket,
        _ limits: NegotiationLimits,
        _ now: MonotonicTime
    ) -> [Effect] {
        let effects = perform(.receiveUnacceptableConfigureRequest, with: packet, [.send(answer)], limits, now)
        guard packet.data.count <= Self.refusedLimits.length, !refused.contains(packet) else { return effects }
        if refused.count == Self.refusedLimits.count { refused.removeFirst() }
        // A copy: the packet is part of a whole frame.
        refused.append(ControlPacket(packet.code, identifier: packet.identifier, data: Array(packet.data)[...]))
        return effects
    }

    private mutating func receiveRefusal(
        _ packet: ControlPacket,
        _ limits: NegotiationLimits,
        _ now: MonotonicTime
    ) -> [Effect] {
        guard answersOurs(packet) else { return [.unexpected(packet.code)] }
        let refused: [Option]
        do throws(DecodeError) {
            refused = try Option.list(from: packet.data)
        } catch {
            return [.malformed(error)]
        }
        awaitsAnswer = false
        refusalsReceived += 1
        do throws(NegotiationError) {
            guard refusalsReceived <= limits.maxConfigure else { throw .endless }
            if packet.code == .configureNak {
                try options.nakReceived(refused)
            } else {
                try options.rejectReceived(refused)
            }
        } catch {
            return [.failed(error)]
        }
        return perform(.receiveConfigureNak, with: packet, [], limits, now)
    }

    private mutating func receiveCodeReject(
        _ packet: ControlPacket,
        _ limits: NegotiationLimits,
        _ now: MonotonicTime
    ) -> [Effect] {
        guard let code = packet.data.first.map(ControlPacket.Code.init(rawValue:)) else {
            return [.malformed(.truncated(needed: 1, available: 0))]
        }
        guard (1...7).contains(code.rawValue) else {
            return perform(.receivePermittedReject, with: packet, [], limits, now)
        }
        return [.failed(.codeRejected(code))] + perform(.receiveCatastrophicReject, with: packet, [], limits, now)
    }

    /// - Parameter answer: What the action Send-Configure-Nak sends.
    private mutating func perform(
        _ event: Automaton.Event,
        with packet: ControlPacket?,
        _ answer: [Effect],
        _ limits: NegotiationLimits,
        _ now: MonotonicTime
    ) -> [Effect] {
        guard let actions = automaton.handle(event) else {
            return packet.map { [.unexpected($0.code)] } ?? []
        }
        var effects: [Effect] = []
        if actions.contains(.thisLayerDown) {
            refused = []
            effects.append(.thisLayerDown)
        }
        if actions.contains(.initializeRestartCount) {
            restartCount = actions.contains(.sendTerminateRequest) ? limits.maxTerminate : limits.maxConfigure
        }
        if actions.contains(.zeroRestartCount) {
            restartCount = 0
            nextDeadline = now.advanced(by: limits.restartTimer)
        }
        if actions.contains(.sendConfigureRequest) {
            effects.append(.send(configureRequest(isRetransmission: event == .timeout)))
            restart(limits, now)
        }
        if actions.contains(.sendConfigureAck), let packet {
            effects.append(.send(ControlPacket(.configureAck, identifier: packet.identifier, data: packet.data)))
        }
        if actions.contains(.sendConfigureNak) { effects += answer }
        if actions.contains(.sendTerminateRequest) {
            if event != .timeout { identifier &+= 1 }
            awaitsAnswer = false
            effects.append(.send(ControlPacket(.terminateRequest, identifier: identifier)))
            restart(limits, now)
        }
        if actions.contains(.sendTerminateAck), let packet {
            effects.append(.send(ControlPacket(.terminateAck, identifier: packet.identifier)))
        }
        if actions.contains(.sendCodeReject), let packet { effects.append(.send(codeReject(packet))) }
        if actions.contains(.sendEchoReply), let packet { effects.append(.answerEcho(packet)) }
        if actions.contains(.thisLayerUp) {
            naksSent = 0
            effects.append(.thisLayerUp)
        }
        if actions.contains(.thisLayerFinished) { effects.append(.thisLayerFinished) }
        if !automaton.isTimed { nextDeadline = nil }
        return effects
    }

    private mutating func restart(_ limits: NegotiationLimits, _ now: MonotonicTime) {
        restartCount -= 1
        nextDeadline = now.advanced(by: limits.restartTimer)
    }

    /// A repetition keeps its identifier as long as nothing came back, so that an answer to either serves.
    private mutating func configureRequest(isRetransmission: Bool) -> ControlPacket {
        if !(isRetransmission && awaitsAnswer) { identifier &+= 1 }
        awaitsAnswer = true
        return ControlPacket(.configureRequest, identifier: identifier, data: Option.encode(options.request)[...])
    }

    /// The rejected packet, cut so that the whole stays within 576 bytes, which every peer takes.
    private mutating func codeReject(_ packet: ControlPacket) -> ControlPacket {
        var writer = ByteWriter(reservingCapacity: ControlPacket.headerLength + packet.data.count)
        packet.encode(into: &writer)
        codeRejects &+= 1
        return ControlPacket(.codeReject, identifier: codeRejects, data: writer.bytes.prefix(512))
    }
}
