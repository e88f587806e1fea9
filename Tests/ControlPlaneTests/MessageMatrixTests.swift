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
    }

    /// How a call went.
    struct Course {
        var network: SimulatedNetwork
        var isUp: Bool
        /// Virtual time from the first message to the call, or to the end of patience.
        var setUp: Duration
        var names: [String]
    }

    /// Longer than any of the time limits of IKE, L2TP and PPP, in a row.
    private static let patience: Duration = .seconds(150)
    /// Long enough that both ends ask whether the other is there.
    private static let callLength: Duration = .seconds(70)

    static func run(_ goodbye: Goodbye, _ fate: (@Sendable (Passage) -> SimulatedNetwork.Fate)? = nil) throws -> Course
    {
        var network = try Fixture.network(clients: [Fixture.client(1, behindNAT: true)])
        network.wiretap = Wiretap()
        network.fateOfMessage = fate
        let start = network.now
        network.dial(0)
        let isUp = network.run(for: patience) { $0.clients[0].isUp && $0.kernel.interfaces.count == 1 }
        let setUp = start.duration(to: network.now)
        if isUp {
            network.run(for: callLength)
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
        return Course(network: network, isUp: isUp, setUp: setUp, names: network.eventNames)
    }

    static let cells: [Cell] = Goodbye.allCases.flatMap { goodbye -> [Cell] in
        var seen: Set<PacketName> = []
        let names = (try? run(goodbye))?.network.wiretap?.passages.map(\.name).filter { seen.insert($0).inserted } ?? []
        return names.flatMap { name in
            Operation.allCases.map { Cell(goodbye: goodbye, message: name, operation: $0) }
        }
    }

    @Test(arguments: Goodbye.allCases)
    func aQuietWireShowsEveryMessageOfACall(_ goodbye: Goodbye) throws {
        let course = try Self.run(goodbye)
        #expect(course.isUp)
        for name in course.network.wiretap?.passages ?? [] { print(name.name, name.copy) }
        print(course.names)
    }

    @Test(arguments: cells)
    func everyMessageSurvivesEveryOperation(_ cell: Cell) throws {
        let course = try Self.run(cell.goodbye) { cell.operation.fate(of: $0, when: cell.message) }
        let clean = course.network.kernel.isClean
        print("CELL", cell.testDescription, course.isUp, course.setUp, clean, course.network.kernel.violations, course.names)
    }
}
