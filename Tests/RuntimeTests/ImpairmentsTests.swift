// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import IKE
import Primitives
import Runtime
import Testing

private let peer = SocketAddress(.v4(0xC000_0209), port: 500)
private let socket = RequestID(serial: 1, port: 20_000)
private let session = KernelSessionID(tunnel: 1, session: 2)

/// An L2TP control message of this type, with nothing else in it.
private func l2tp(_ type: UInt8) -> [UInt8] {
    [0xC8, 2, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0x80, 8, 0, 0, 0, 0, 0, type]
}

private func ike(_ exchange: UInt8, marker: Bool = false) -> IKE.Datagram {
    IKE.Datagram(
        bytes: (marker ? [0, 0, 0, 0] : []) + [UInt8](repeating: 1, count: 16) + [1, 0x10, exchange, 0]
            + [0, 0, 0, 0, 0, 0, 0, 28],
        port: marker ? .natTraversal : .ike,
        local: SocketAddress(localhost, port: 500),
        peer: peer
    )
}

struct MessageKindTests {
    @Test(arguments: [
        (ControlPlane.Input.datagram(ike(2)), [MessageKind.ike, .mainMode]),
        (.datagram(ike(2, marker: true)), [.ike, .mainMode]), (.datagram(ike(32)), [.ike, .quickMode]),
        (.datagram(ike(5)), [.ike, .informational]), (.datagram(ike(4)), [.ike]),
        (.notice(.datagram(socket, from: peer, l2tp(1))), [.l2tp, .sccrq]),
        (.notice(.datagram(socket, from: peer, l2tp(12))), [.l2tp, .iccn]),
        (.notice(.datagram(socket, from: peer, l2tp(77))), [.l2tp]),
        (.notice(.datagram(socket, from: peer, [0xC8, 2, 0, 12, 0, 1, 0, 0, 0, 0, 0, 0])), [.l2tp, .zlb]),
        (
            .notice(.datagram(socket, from: peer, [0, 2, 0, 1, 0, 1, 0xFF, 3, 0xC0, 0x21, 1, 1, 0, 4])),
            [.l2tp, .data, .ppp, .lcp, .lcpConfigureRequest]
        ),
        (.notice(.datagram(socket, from: peer, [])), [.l2tp]),
        (.notice(.frame(session, [0xC0, 0x21, 10, 1, 0, 8, 0, 0, 0, 0])), [.ppp, .lcp, .echoReply]),
        (.notice(.frame(session, [0xC2, 0x23, 2, 1, 0, 4])), [.ppp, .chap, .chapResponse]),
        (.notice(.frame(session, [0xC0, 0x23, 1, 1, 0, 4])), [.ppp, .pap, .papRequest]),
        (.notice(.frame(session, [0x80, 0x21, 5, 1, 0, 4])), [.ppp, .ipcp, .terminateRequest]),
        (.notice(.frame(session, [0x80, 0x21, 99])), [.ppp, .ipcp]), (.notice(.frame(session, [0x21, 0x45])), [.ppp]),
        (.notice(.frame(session, [])), [.ppp]), (.notice(.noticesLost), []), (.command(.shutDown), []),
    ])
    func readsTheKindsOfWhatComes(input: ControlPlane.Input, kinds: [MessageKind]) {
        #expect(MessageKind.kinds(of: input) == kinds)
    }

    @Test func readsTheKindsOfWhatGoes() {
        #expect(MessageKind.kinds(of: .transmit(ike(32))) == [.ike, .quickMode])
        #expect(MessageKind.kinds(of: .send(l2tp(6), on: socket, to: peer)) == [.l2tp, .hello])
        #expect(MessageKind.kinds(of: .write([0xC0, 0x21, 9, 0, 0, 4], to: session)) == [.ppp, .lcp, .echoRequest])
        #expect(MessageKind.kinds(of: .request(.takeInventory, DataPlaneTicket(rawValue: 1))).isEmpty)
    }

    @Test func isSurvivedByEveryTruncation() {
        let whole: [UInt8] = [0, 2, 0, 1, 0, 1, 0xFF, 3, 0xC0, 0x21, 1, 1, 0, 4]
        for bytes in [ike(2).bytes, l2tp(1), whole] {
            for length in 0...bytes.count {
                let part = Array(bytes[..<length])
                var datagram = ike(2)
                datagram.bytes = part
                #expect(MessageKind.kinds(of: .datagram(datagram)).first == .ike)
                #expect(MessageKind.kinds(of: .notice(.datagram(socket, from: peer, part))).first == .l2tp)
                #expect(MessageKind.kinds(of: .notice(.frame(session, part))).first == .ppp)
            }
        }
    }
}

/// Impairments that `#expect` can look into: its macro copies what it looks at.
private final class ImpairmentsBox {
    private var impairments = Impairments()

    var entries: [Impairments.Entry] { impairments.entries }
    var nextDeadline: MonotonicTime? { impairments.nextDeadline }

    func add(_ impairment: Impairment) -> Bool { impairments.add(impairment) }
    func clear() { impairments.clear() }
    func failure(of request: DataPlaneRequest) -> DataPlaneError? { impairments.failure(of: request) }
    func takeDueInputs(at now: MonotonicTime) -> [ControlPlane.Input] { impairments.takeDueInputs(at: now) }

    func apply(to input: ControlPlane.Input, at now: MonotonicTime) -> [ControlPlane.Input] {
        impairments.apply(to: input, at: now)
    }

    func apply(to effect: ControlPlane.Effect, at now: MonotonicTime) -> [ControlPlane.Effect] {
        impairments.apply(to: effect, at: now)
    }
}

struct ImpairmentsTests {
    private let hello = ControlPlane.Effect.send(l2tp(6), on: socket, to: peer)

    private func impairments(_ list: Impairment...) -> ImpairmentsBox {
        let box = ImpairmentsBox()
        for impairment in list { _ = box.add(impairment) }
        return box
    }

    @Test func doesNothingUntilToldAndNothingOnceCleared() {
        let impairments = ImpairmentsBox()
        #expect(impairments.apply(to: hello, at: seconds(1)) == [hello])
        #expect(impairments.add(Impairment(.message(.hello, .outgoing, .drop), .every)))
        #expect(impairments.apply(to: hello, at: seconds(1)) == [])
        impairments.clear()
        #expect(impairments.entries.isEmpty)
        #expect(impairments.apply(to: hello, at: seconds(1)) == [hello])
    }

    @Test func strikesTheNthAndNoOther() {
        let impairments = impairments(Impairment(.message(.hello, .outgoing, .drop), .nth(3)))
        let counts = (1...5).map { _ in impairments.apply(to: hello, at: seconds(1)).count }
        #expect(counts == [1, 1, 0, 1, 1])
        #expect(impairments.entries.map(\.matched) == [5])
        #expect(impairments.entries.map(\.struck) == [1])
    }

    @Test func leavesOtherKindsAndTheOtherDirectionAlone() {
        let impairments = impairments(Impairment(.message(.hello, .outgoing, .drop), .every))
        let incoming = ControlPlane.Input.notice(.datagram(socket, from: peer, l2tp(6)))
        #expect(impairments.apply(to: incoming, at: seconds(1)) == [incoming])
        let stop = ControlPlane.Effect.send(l2tp(4), on: socket, to: peer)
        #expect(impairments.apply(to: stop, at: seconds(1)) == [stop])
        #expect(impairments.entries.map(\.matched) == [0])
    }

    @Test func strikesAShareThatIsTheSameInEveryRun() {
        let runs = (0..<2).map { _ in
            let impairments = impairments(Impairment(.message(.l2tp, .outgoing, .drop), .percentage(20)))
            return (0..<1000).map { _ in impairments.apply(to: hello, at: seconds(1)).isEmpty }
        }
        #expect(runs[0] == runs[1])
        #expect((150...250).contains(runs[0].count { $0 }))
    }

    @Test func doublesAndCorrupts() {
        let impairments = impairments(
            Impairment(.message(.hello, .outgoing, .double)),
            Impairment(.message(.hello, .outgoing, .corrupt), .nth(2))
        )
        #expect(impairments.apply(to: hello, at: seconds(1)) == [hello, hello])
        var bytes = l2tp(6)
        bytes[10] ^= 1
        #expect(impairments.apply(to: hello, at: seconds(1)) == [.send(bytes, on: socket, to: peer)])
    }

    @Test func corruptsWhatHasNoBytes() {
        let impairments = impairments(Impairment(.message(.ppp, .incoming, .corrupt), .every))
        #expect(impairments.apply(to: .notice(.frame(session, [])), at: seconds(1)) == [.notice(.frame(session, []))])
    }

    @Test func holdsBackUntilTheDelayIsOver() {
        let impairments = impairments(Impairment(.message(.ike, .incoming, .delay(.milliseconds(500))), .nth(1)))
        let first = ControlPlane.Input.datagram(ike(2))
        let second = ControlPlane.Input.datagram(ike(32))
        #expect(impairments.nextDeadline == nil)
        #expect(impairments.apply(to: first, at: seconds(1)) == [])
        #expect(impairments.apply(to: second, at: seconds(1)) == [second])
        #expect(impairments.nextDeadline == seconds(1.5))
        #expect(impairments.takeDueInputs(at: seconds(1.4)) == [])
        #expect(impairments.takeDueInputs(at: seconds(1.5)) == [first])
        #expect(impairments.nextDeadline == nil)
    }

    @Test func failsTheRequestThatIsMeant() throws {
        let impairments = impairments(Impairment(.request(.move, errno: 3), .nth(2)))
        let id = SecurityAssociation.ID(destination: localhost, spi: try #require(ESPSPI(rawValue: 0x1000)))
        let move = DataPlaneRequest.move(id, .outbound, to: peer)
        #expect(impairments.failure(of: .remove(id)) == nil)
        #expect(impairments.failure(of: move) == nil)
        #expect(impairments.failure(of: move) == DataPlaneError(step: "impaired move", code: 3))
        #expect(impairments.failure(of: move) == nil)
    }

    @Test func isBounded() {
        let impairments = ImpairmentsBox()
        let drop = Impairment(.message(.hello, .outgoing, .drop), .nth(1_000_000))
        for _ in 0..<Impairments.limit { #expect(impairments.add(drop)) }
        #expect(!impairments.add(drop))
    }
}

struct ImpairOrderTests {
    @Test(arguments: [
        (
            #"{"message":"sccrq","direction":"in","treatment":"drop","nth":2}"#,
            ImpairOrder.add(Impairment(.message(.sccrq, .incoming, .drop), .nth(2)))
        ),
        (
            #"{"message":"data","direction":"out","treatment":"delay","milliseconds":500,"percent":20}"#,
            .add(Impairment(.message(.data, .outgoing, .delay(.milliseconds(500))), .percentage(20)))
        ),
        (
            #"{"request":"install-inbound","errno":"ENOMEM","every":true}"#,
            .add(Impairment(.request(.installInbound, errno: 12), .every))
        ),
        (#"{"request":"bring-up","errno":"19"}"#, .add(Impairment(.request(.bringUp, errno: 19)))),
        (#"{"loseNotices":true}"#, .loseNotices), (#"{"stopTimers":["ike","ppp"]}"#, .stopTimers([.ike, .ppp])),
        (#"{"stopTimers":[]}"#, .stopTimers([])),
    ])
    func readsWhatIsOrdered(body: String, order: ImpairOrder) throws {
        #expect(try ImpairOrder(json: Array(body.utf8)) == order)
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"message":"sccrq"}"#, #"{"message":"sccrq","direction":"in"}"#,
        #"{"message":"sccrx","direction":"in","treatment":"drop"}"#,
        #"{"message":"sccrq","direction":"up","treatment":"drop"}"#,
        #"{"message":"sccrq","direction":"in","treatment":"delay"}"#,
        #"{"message":"sccrq","direction":"in","treatment":"drop","milliseconds":5}"#,
        #"{"message":"sccrq","direction":"in","treatment":"delay","milliseconds":0}"#,
        #"{"message":"sccrq","direction":"in","treatment":"drop","nth":0}"#,
        #"{"message":"sccrq","direction":"in","treatment":"drop","nth":-1}"#,
        #"{"message":"sccrq","direction":"in","treatment":"drop","nth":1,"every":true}"#,
        #"{"message":"sccrq","direction":"in","treatment":"drop","percent":101}"#,
        #"{"request":"bring-up"}"#, #"{"request":"bring-up","errno":"ENONE"}"#, #"{"request":"bring-up","errno":"0"}"#,
        #"{"request":"bring-up","errno":"EIO","loseNotices":true}"#, #"{"stopTimers":["esp"]}"#,
        #"{"loseNotices":false}"#, #"{"loseNotices":true,"often":true}"#,
    ])
    func refusesWhatMakesNoSense(body: String) {
        let refusal = #expect(throws: ControlRefusal.self) { try ImpairOrder(json: Array(body.utf8)) }
        #expect(refusal?.status == 400)
    }
}
