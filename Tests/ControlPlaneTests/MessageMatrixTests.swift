// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Primitives
import Simulation
import Testing

/// Every message of a whole call, and everything that a wire can do to it: the call comes up, or fails with one clear
/// verdict within its time limit; and when it is over nothing is left.
///
/// The messages are not listed here: a first run on a quiet wire says which ones there are.
struct MessageMatrixTests {
    enum Operation: Hashable, CaseIterable, CustomTestStringConvertible {
        case dropFirst, dropFirstThree, dropAll
        case duplicate, duplicateLate
        case swapWithNext, deliverTwiceSwapped
        case truncate, flipHead, flipMiddle, flipTail
        case delay

        var testDescription: String { "\(self)" }

        var isDamage: Bool { [.truncate, .flipHead, .flipMiddle, .flipTail].contains(self) }

        func fate(of passage: Passage, when it: PacketName) -> SimulatedNetwork.Fate {
            let isOfKind = passage.name.isToGateway == it.isToGateway && passage.name.kind == it.kind
            let isFirst = passage.name == it && passage.copy == 0
            return switch self {
            case .dropFirst: isFirst ? .lost : .arrives
            case .dropFirstThree: passage.name == it && passage.copy < 3 ? .lost : .arrives
            case .dropAll: isOfKind ? .lost : .arrives
            case .duplicate: isFirst ? .doubled : .arrives
            case .duplicateLate: isFirst ? .repeated(after: .seconds(5)) : .arrives
            case .swapWithNext: isFirst ? .swapped(twice: false) : .arrives
            case .deliverTwiceSwapped: isFirst ? .swapped(twice: true) : .arrives
            case .truncate: isFirst ? .truncated : .arrives
            case .flipHead: isFirst ? .flipped(8 * 7 + 3) : .arrives
            case .flipMiddle: isFirst ? .flipped(8 * 1_000_003 + 6) : .arrives
            case .flipTail: isFirst ? .flipped(UInt64.max - 15) : .arrives
            case .delay: isFirst ? .delayed(.seconds(10)) : .arrives
            }
        }
    }

    /// Who ends the call, once it has been up for a while.
    enum Goodbye: String, CaseIterable, CustomTestStringConvertible {
        case client, gateway

        var testDescription: String { "the \(rawValue) hangs up" }
    }

    struct Cell: Hashable, CustomTestStringConvertible {
        var goodbye: Goodbye
        var message: PacketName
        var operation: Operation

        var testDescription: String { "\(message), \(operation), \(goodbye.testDescription)" }

        /// The message never arrives. An answer to a peer that has proved nothing is said three times at most.
        var isSilence: Bool {
            switch operation {
            case .dropAll: true
            case .dropFirstThree: ["← main 2", "← main 4"].contains("\(message.direction) \(message.kind)")
            case .dropFirst, .duplicate, .duplicateLate, .swapWithNext, .deliverTwiceSwapped, .truncate, .flipHead,
                .flipMiddle, .flipTail, .delay:
                false
            }
        }
    }

    /// How a call went.
    struct Course {
        var network: SimulatedNetwork
        var isUp: Bool
        /// Virtual time from the first message to the call, or to the end of patience.
        var setUp: Duration
        /// Why it failed, as the gateway says: each kind of verdict once.
        var verdicts: Set<String> = []
        /// Why it was over before anybody said goodbye.
        var earlyEnd: Set<String>?
    }

    /// Longer than any of the time limits of IKE, L2TP and PPP, in a row.
    private static let patience: Duration = .seconds(150)
    /// Long enough that both ends ask whether the other is there, and find out that it is not.
    private static let callLength: Duration = .seconds(200)
    /// What is left of a peer whose goodbye was lost goes when its keys end, if not before.
    private static let longestMemory: Duration = .seconds(30_000)
    /// Three losses of one PPP packet.
    private static let longestSetUp: Duration = .seconds(15)

    /// Events that end a call which nobody wanted to end.
    private static let earlyEnds: Set<String> = [
        "ppp echo-timeout", "l2tp tunnel-peer-silent", "l2tp session-establishment-timeout",
    ]

    /// Events that end an attempt. What merely follows from one (the call is down, the peer deletes its keys) is none.
    private static let verdicts: Set<String> = [
        "ike exchange-timeout", "ike authentication-failed", "ike malformed-message",
        "l2tp malformed-message", "l2tp tunnel-establishment-timeout", "l2tp tunnel-peer-silent",
        "l2tp session-establishment-timeout", "l2tp tunnel-authentication-failed",
        "ppp set-up-timeout", "ppp peer-silent", "ppp negotiation-failed", "authentication user-refused",
    ]

    static func run(_ goodbye: Goodbye, _ fate: (@Sendable (Passage) -> SimulatedNetwork.Fate)? = nil) throws -> Course
    {
        var configuration = try Fixture.configuration()
        // Before the answers to PPP's echoes say the same.
        configuration.l2tp.helloInterval = .seconds(20)
        var network = try Fixture.network(clients: [Fixture.client(1, behindNAT: true)], configuration: configuration)
        network.wiretap = Wiretap()
        network.fateOfMessage = fate
        let start = network.now
        network.dial(0)
        let isUp = network.run(for: patience) { $0.clients[0].isUp && $0.kernel.interfaces.count == 1 }
        var course = Course(network: network, isUp: isUp, setUp: start.duration(to: network.now))
        course.verdicts = Set(network.eventNames).intersection(verdicts)
        if isUp {
            network.run(for: callLength)
            if network.kernel.interfaces.isEmpty {
                course.earlyEnd = Set(network.eventNames).intersection(earlyEnds)
            }
            if goodbye == .gateway {
                network.command(.terminate(.all))
                network.run(for: .seconds(60))
            } else {
                network.act(0) { $0.hangUp(at: $1) }
                network.run(for: .seconds(2))
            }
        }
        // A client whose call has failed gives up its keys, if it got that far.
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(60))
        network.run(for: longestMemory) { $0.gateway.nextDeadline == nil }
        course.network = network
        return course
    }

    private static func messages(_ goodbye: Goodbye) -> [PacketName] {
        var seen: Set<PacketName> = []
        let passages = (try? run(goodbye))?.network.wiretap?.passages ?? []
        return passages.map(\.name).filter { seen.insert($0).inserted }
    }

    static let cells: [Cell] = Goodbye.allCases.flatMap { goodbye in
        messages(goodbye).flatMap { name in
            Operation.allCases.map { Cell(goodbye: goodbye, message: name, operation: $0) }
        }
    }

    /// The verdict when a message never arrives. Where the gateway has none, it waits for nothing: the peer may still
    /// go on with what stands, and it is the client that gives up.
    private static let verdictsOnSilence: [String: String] = [
        "→ main 1": "", "← main 2": "ike exchange-timeout", "→ main 3": "ike exchange-timeout",
        "← main 4": "ike exchange-timeout", "→ main 5": "ike exchange-timeout", "← main 6": "",
        "→ quick 1": "", "← quick 2": "ike exchange-timeout",
        "→ SCCRQ": "", "← SCCRP": "l2tp tunnel-peer-silent", "→ SCCCN": "l2tp tunnel-establishment-timeout",
        "→ ICRQ": "", "← ICRP": "l2tp tunnel-peer-silent",
        "→ LCP Configure-Request": "ppp set-up-timeout", "← LCP Configure-Request": "ppp peer-silent",
        "→ LCP Configure-Ack": "ppp peer-silent", "← LCP Configure-Ack": "ppp peer-silent",
        "← LCP Configure-Reject": "ppp set-up-timeout",
        "← CHAP Challenge": "ppp peer-silent", "→ CHAP Response": "ppp peer-silent",
        "← CHAP Success": "ppp peer-silent",
        "→ IPCP Configure-Request": "ppp set-up-timeout", "← IPCP Configure-Request": "ppp peer-silent",
        "→ IPCP Configure-Ack": "ppp peer-silent", "← IPCP Configure-Reject": "ppp set-up-timeout",
        "← IPCP Configure-Nak": "ppp negotiation-failed",
        // The network is up for the gateway each time, and renegotiated for want of the Ack.
        "← IPCP Configure-Ack": "",
    ]

    @Test func theMatrixCoversTheWholeCall() {
        let cells = Self.cells
        #expect(cells.count > 1000)
        let kinds = Set(cells.map { "\($0.message.direction) \($0.message.kind)" })
        let expected = Set(Self.verdictsOnSilence.keys).union([
            "→ quick 3", "→ ICCN", "← ZLB", "→ ZLB", "← HELLO", "← LCP Echo-Request", "→ LCP Echo-Reply",
            "→ LCP Terminate-Request", "← LCP Terminate-Ack", "← LCP Terminate-Request", "→ LCP Terminate-Ack",
            "→ CDN", "← CDN", "→ StopCCN", "← StopCCN", "→ informational", "← informational",
        ])
        #expect(expected.subtracting(kinds) == [])
    }

    /// In the order of their numbers: a peer that takes nothing out of order would wait for a repetition.
    @Test func theGatewaysCDNGoesBeforeItsStopCCN() throws {
        let kinds = try Self.run(.gateway).network.wiretap?.passages.filter { !$0.name.isToGateway }.map(\.name.kind)
        let goodbye = kinds?.filter { ["CDN", "StopCCN"].contains($0) }
        #expect(goodbye == ["CDN", "StopCCN"])
    }

    @Test(arguments: cells)
    func everyMessageSurvivesEveryOperation(_ cell: Cell) throws {
        let course = try Self.run(cell.goodbye) { cell.operation.fate(of: $0, when: cell.message) }
        if course.isUp {
            #expect(course.setUp < Self.longestSetUp)
            if let end = course.earlyEnd {
                #expect(cell.operation == .dropAll || cell.operation.isDamage)
                #expect(end.count == 1)
            }
        } else {
            #expect(cell.isSilence || cell.operation.isDamage)
            if cell.isSilence {
                let verdict = Self.verdictsOnSilence["\(cell.message.direction) \(cell.message.kind)"]
                #expect(course.verdicts == verdict.map { $0.isEmpty ? [] : [$0] })
            } else {
                // What is wrong is said; that it went no further may come on top.
                #expect(!course.verdicts.subtracting(["ike exchange-timeout", "ppp set-up-timeout"]).isEmpty)
            }
        }
        let gateway = course.network.gateway
        #expect(course.network.kernel.isClean)
        #expect(course.network.kernel.violations.isEmpty)
        #expect(gateway.nextDeadline == nil)
        #expect(gateway.calls(at: course.network.now).isEmpty)
        let status = gateway.status(at: course.network.now)
        #expect(
            [status.callCount, status.ikeCount, status.childCount, status.tunnelCount, status.sessionCount]
                == Array(repeating: 0, count: 5)
        )
        #expect(status.pools.map(\.used) == [0])
    }
}
