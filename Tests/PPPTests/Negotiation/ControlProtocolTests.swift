// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Testing

struct ControlProtocolTests {
    private typealias LCP = ControlProtocol<LCPOptions>

    private let limits = NegotiationLimits(
        restartTimer: .seconds(3),
        maxConfigure: 10,
        maxTerminate: 2,
        maxFailure: 5
    )
    private let start = MonotonicTime(sinceBoot: .seconds(100))

    private func started() -> (LCP, [LCP.Effect]) {
        var lcp = LCP(LCPOptions(mru: 1400, methods: [.pap], entropy: FixedEntropy()))
        _ = lcp.handle(.open, limits: limits, at: start)
        let effects = lcp.handle(.up, limits: limits, at: start)
        return (lcp, effects)
    }

    private func opened() -> LCP {
        var (lcp, effects) = started()
        for effect in effects {
            if case .send(let request) = effect { _ = lcp.receive(ack(request), limits: limits, at: start) }
        }
        _ = lcp.receive(peerRequest(1), limits: limits, at: start)
        return lcp
    }

    private func ack(_ request: ControlPacket) -> ControlPacket {
        ControlPacket(.configureAck, identifier: request.identifier, data: request.data)
    }

    private func peerRequest(_ identifier: UInt8, _ options: String = "01 04 0578") -> ControlPacket {
        ControlPacket(.configureRequest, identifier: identifier, data: hex(options)[...])
    }

    private let own = hex("01 04 0578  03 04 C023  05 06 11111111")[...]

    @Test func asksAtOnceAndOpensWhenBothAgree() {
        var (lcp, effects) = started()
        #expect(effects == [.send(ControlPacket(.configureRequest, identifier: 1, data: own))])
        #expect(lcp.nextDeadline == start.advanced(by: .seconds(3)))
        #expect(
            lcp.receive(peerRequest(9), limits: limits, at: start) == [
                .send(ControlPacket(.configureAck, identifier: 9, data: hex("01 04 0578")[...]))
            ]
        )
        let answer = ControlPacket(.configureAck, identifier: 1, data: own)
        #expect(lcp.receive(answer, limits: limits, at: start) == [.thisLayerUp])
        #expect(lcp.isOpened)
        #expect(lcp.nextDeadline == nil)
    }

    @Test func repeatsItsRequestTenTimesUnderOneIdentifierThenStops() {
        var (lcp, _) = started()
        var sent = 1
        var now = start
        var last: [LCP.Effect] = []
        while let deadline = lcp.nextDeadline {
            now = deadline
            last = lcp.advance(to: now, limits: limits)
            if last == [.send(ControlPacket(.configureRequest, identifier: 1, data: own))] { sent += 1 }
        }
        #expect(sent == 10)
        #expect(last == [.unanswered, .thisLayerFinished])
        #expect(start.duration(to: now) == .seconds(30))
    }

    @Test func saysNothingBeforeItsDeadline() {
        var (lcp, _) = started()
        #expect(lcp.advance(to: start.advanced(by: .milliseconds(2999)), limits: limits).isEmpty)
    }

    @Test func discardsAnswersToWhatItDidNotAsk() {
        var (lcp, _) = started()
        let wrongIdentifier = ControlPacket(.configureAck, identifier: 2, data: own)
        let wrongOptions = ControlPacket(.configureAck, identifier: 1, data: own.dropLast(6))
        let lateNak = ControlPacket(.configureNak, identifier: 0, data: [])
        for packet in [wrongIdentifier, wrongOptions, lateNak] {
            #expect(lcp.receive(packet, limits: limits, at: start) == [.unexpected(packet.code)])
        }
        #expect(lcp.state == .requestSent)
    }

    @Test func aDoubledAckIsNoReasonToStartAnew() {
        var (lcp, _) = started()
        let answer = ControlPacket(.configureAck, identifier: 1, data: own)
        #expect(lcp.receive(answer, limits: limits, at: start).isEmpty)
        #expect(lcp.receive(answer, limits: limits, at: start) == [.unexpected(.configureAck)])
        #expect(lcp.state == .ackReceived)
    }

    @Test func aCopyOfTheRequestThatOpenedTheLayerIsAcknowledgedOnceMoreWithoutClosingIt() {
        var lcp = opened()
        let copy = peerRequest(1)
        #expect(
            lcp.receive(copy, limits: limits, at: start) == [
                .send(ControlPacket(.configureAck, identifier: 1, data: copy.data))
            ]
        )
        #expect(lcp.isOpened)
        // A peer that keeps on saying it means it.
        #expect(lcp.receive(copy, limits: limits, at: start).first == .thisLayerDown)
        #expect(lcp.state == .ackSent)
    }

    /// It was overtaken by the one that opened the layer.
    @Test func aLateCopyOfARefusedRequestIsDiscardedOnce() {
        var lcp = opened()
        let refused = ControlPacket(.configureRequest, identifier: 9, data: hex("0D 03 06")[...])
        // The layer goes down and comes up again by way of a refused request.
        #expect(lcp.receive(refused, limits: limits, at: start).first == .thisLayerDown)
        _ = lcp.receive(peerRequest(10), limits: limits, at: start)
        let asked = ControlPacket(.configureAck, identifier: 2, data: own)
        _ = lcp.receive(asked, limits: limits, at: start)
        #expect(lcp.isOpened)
        #expect(lcp.receive(refused, limits: limits, at: start) == [.unexpected(.configureRequest)])
        #expect(lcp.isOpened)
        // A peer that keeps on saying it means it.
        #expect(lcp.receive(refused, limits: limits, at: start).first == .thisLayerDown)
    }

    @Test func anotherRequestRenegotiates() {
        var lcp = opened()
        let effects = lcp.receive(peerRequest(2), limits: limits, at: start)
        #expect(
            effects == [
                .thisLayerDown,
                .send(ControlPacket(.configureRequest, identifier: 2, data: own)),
                .send(ControlPacket(.configureAck, identifier: 2, data: hex("01 04 0578")[...])),
            ]
        )
    }

    @Test("P03: after five Naks options are rejected")
    func naksFiveTimesThenRejects() {
        var (lcp, _) = started()
        var codes: [ControlPacket.Code] = []
        for identifier in UInt8(1)...7 {
            let effects = lcp.receive(peerRequest(identifier, "01 04 0001"), limits: limits, at: start)
            for case .send(let packet) in effects { codes.append(packet.code) }
        }
        #expect(
            codes == Array(repeating: .configureNak, count: 5) + Array(repeating: .configureReject, count: 2)
        )
    }

    @Test("P03: a peer that Naks for ever is given up on")
    func givesUpOnAPeerThatNaksForEver() {
        var (lcp, effects) = started()
        var rounds = 0
        while case .send(let request) = effects.last, rounds < 100 {
            rounds += 1
            let nak = ControlPacket(.configureNak, identifier: request.identifier, data: [])
            effects = lcp.receive(nak, limits: limits, at: start)
        }
        #expect(rounds == 11)
        #expect(effects == [.failed(.endless)])
    }

    @Test func unknownCodesAreRejectedWithTheirPacket() {
        var lcp = opened()
        let odd = ControlPacket(ControlPacket.Code(rawValue: 99), identifier: 5, data: [1, 2, 3])
        #expect(
            lcp.receive(odd, limits: limits, at: start) == [
                .send(ControlPacket(.codeReject, identifier: 1, data: hex("63 05 0007 01 02 03")[...]))
            ]
        )
        #expect(lcp.isOpened)
    }

    @Test("P02: a Code-Reject of code 1 to 7 is the end, of another code it is not")
    func aRejectedBasicCodeIsTheEnd() {
        for code in UInt8(1)...7 {
            var lcp = opened()
            let reject = ControlPacket(.codeReject, identifier: 1, data: [code, 1, 0, 4])
            let effects = lcp.receive(reject, limits: limits, at: start)
            #expect(effects.first == .failed(.codeRejected(ControlPacket.Code(rawValue: code))))
            #expect(lcp.state == .stopping)
        }
        var lcp = opened()
        let permitted = ControlPacket(.codeReject, identifier: 1, data: [12, 1, 0, 4])
        #expect(lcp.receive(permitted, limits: limits, at: start).isEmpty)
        let empty = ControlPacket(.codeReject, identifier: 1)
        #expect(lcp.receive(empty, limits: limits, at: start) == [.malformed(.truncated(needed: 1, available: 0))])
        #expect(lcp.isOpened)
    }

    @Test func saysGoodbyeTwiceThenFinishes() {
        var lcp = opened()
        #expect(
            lcp.handle(.close, limits: limits, at: start) == [
                .thisLayerDown, .send(ControlPacket(.terminateRequest, identifier: 2)),
            ]
        )
        let later = start.advanced(by: .seconds(3))
        #expect(
            lcp.advance(to: later, limits: limits) == [.send(ControlPacket(.terminateRequest, identifier: 2))]
        )
        #expect(lcp.advance(to: later.advanced(by: .seconds(3)), limits: limits) == [.thisLayerFinished])
        #expect(lcp.nextDeadline == nil)
    }

    @Test func answersAGoodbyeAndWaitsForItsRepetition() {
        var lcp = opened()
        let goodbye = ControlPacket(.terminateRequest, identifier: 40)
        let answer = LCP.Effect.send(ControlPacket(.terminateAck, identifier: 40))
        #expect(lcp.receive(goodbye, limits: limits, at: start) == [.thisLayerDown, answer])
        #expect(lcp.receive(goodbye, limits: limits, at: start) == [answer])
        #expect(lcp.advance(to: start.advanced(by: .seconds(3)), limits: limits) == [.thisLayerFinished])
    }

    @Test func malformedOptionsAreDiscarded() {
        var (lcp, _) = started()
        let effects = lcp.receive(peerRequest(1, "01 01 05"), limits: limits, at: start)
        #expect(effects == [.malformed(.invalidLength(1))])
        #expect(lcp.state == .requestSent)
    }
}
