// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import Primitives
import Simulation
import Synchronization
import Testing

/// The kernel refuses: whatever stands by then is taken away again.
struct KernelFailureTests {
    enum Kind: String, CaseIterable {
        case openSocket, connectSocket, installInbound, installOutbound, createSession, bringUp
        case closeSocket, remove, removeSession
        case addGatewayAddress, removeGatewayAddress
        case move, readCounters, takeInventory, setMTU, readPathMTU, probePath

        init(_ request: DataPlaneRequest) {
            self =
                switch request {
                case .openSocket: .openSocket
                case .connectSocket: .connectSocket
                case .closeSocket: .closeSocket
                case .install(let association):
                    association.direction == .inbound ? .installInbound : .installOutbound
                case .remove: .remove
                case .createSession: .createSession
                case .bringUp: .bringUp
                case .removeSession: .removeSession
                case .move: .move
                case .readCounters: .readCounters
                case .takeInventory: .takeInventory
                case .addGatewayAddress: .addGatewayAddress
                case .removeGatewayAddress: .removeGatewayAddress
                case .setMTU: .setMTU
                case .readPathMTU: .readPathMTU
                case .probePath: .probePath
                }
        }

        static let making: [Kind] = [
            .openSocket, .connectSocket, .installInbound, .installOutbound, .createSession, .bringUp,
        ]
        static let removing: [Kind] = [.closeSocket, .remove, .removeSession]
    }

    /// Dials, hangs up, shuts the gateway down.
    private func conversation(failing kind: Kind, code: Int32) throws -> SimulatedNetwork {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.kernel.failing = { Kind($0) == kind ? DataPlaneError(step: kind.rawValue, code: code) : nil }
        network.dial(0)
        network.run(for: .seconds(70))
        if Kind.making.contains(kind) { #expect(network.kernel.interfaces.isEmpty) }
        network.act(0) { $0.hangUp(at: $1) }
        network.run(for: .seconds(2))
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(60))
        network.command(.shutDown)
        network.run(for: .seconds(60))
        return network
    }

    @Test(arguments: Kind.making, [12, 17])
    func nothingIsLeftOfACallThatTheKernelRefusedHalfway(_ kind: Kind, _ code: Int32) throws {
        let network = try conversation(failing: kind, code: code)
        #expect(network.kernel.isClean)
        #expect(network.gateway.isIdle)
        #expect(network.gateway.status(at: network.now).pools.first?.used == 0)
        #expect(network.gateway.nextDeadline == nil)
        let known =
            switch kind {
            // Socket and association are asked for at once, and a close answers for every open. The peer does not
            // know the association: its SPI is in the answer that it never gets.
            case .openSocket: ["association without tunnel socket", "close without socket"]
            // The answer to the SCCRQ was on its way when the keys went.
            case .connectSocket: ["the client cannot decrypt"]
            case _: [String]()
            }
        #expect(network.kernel.violations.filter { text in !known.contains { text.hasPrefix($0) } }.isEmpty)
    }

    @Test(arguments: Kind.removing)
    func whatTheKernelDoesNotRemoveDoesNotHoldUsUp(_ kind: Kind) throws {
        let network = try conversation(failing: kind, code: 16)
        #expect(network.gateway.isIdle)
        #expect(network.gateway.status(at: network.now).pools.first?.used == 0)
        #expect(network.gateway.nextDeadline == nil)
    }

    /// EPERM, ESRCH, ENOMEM, EBUSY, EEXIST, EINVAL, ENOBUFS.
    static let errors: [Int32] = [1, 3, 12, 16, 17, 22, 105]
    static let errorsAndOccurrences = errors.flatMap { code in (1...3).map { (code, $0) } }

    /// Three clients of three users dial, rekey, move, are looked at, and hang up. In the middle of that the kernel fails one request.
    private func busyConversation(
        failing kind: Kind,
        code: Int32,
        occurrence: Int
    ) throws -> (network: SimulatedNetwork, failed: Bool) {
        var configuration = try Fixture.configuration()
        configuration.users.append(
            User(name: "carol", secret: .password(SecretBytes(copying: Array("secret of carol".utf8))))
        )
        var network = try Fixture.network(
            clients: ["alice", "bob", "carol"].enumerated().map { index, user in
                try Fixture.client(index + 1, behindNAT: true, user: user)
            },
            configuration: configuration
        )
        let countdown = Countdown(occurrence)
        network.kernel.failing = { request in
            guard Kind(request) == kind, countdown.isDue() else { return nil }
            return DataPlaneError(step: kind.rawValue, code: code)
        }
        for client in 0...2 { network.dial(client) }
        network.run(for: .seconds(20))
        // A pool with a gateway of its own comes and goes.
        var other = configuration
        other.pools.append(
            AddressPoolConfiguration(
                name: "guests",
                range: try #require(IPPrefix("10.98.0.0/24")),
                gateway: try #require(IPAddress("10.98.0.1"))
            )
        )
        for _ in 0..<3 {
            for next in [other, configuration] {
                network.command(.reconfigure(next))
                network.run(for: .seconds(1))
            }
        }
        network.kernel.pathMTU = 1400
        for client in 0...2 {
            network.act(client) { client, now in client.ike.startQuickMode(at: now).map(SimulatedClient.Packet.ike) }
        }
        network.run(for: .seconds(5))
        // Each moves, and says something from there.
        for client in 0...2 {
            let address = try #require(IPAddress("198.51.100.\(client + 1)"))
            network.clients[client].moveNAT(to: address, ports: [500: 500, 4500: 4500])
            network.act(client) { client, now in client.sayHello(at: now) }
        }
        network.run(for: .seconds(5))
        // Three questions about counters, three about everything.
        network.blocked = [0: [.frames], 1: [.frames], 2: [.frames]]
        network.run(for: .seconds(70))
        network.blocked = [:]
        for _ in 0..<3 {
            network.notify(.noticesLost)
            network.run(for: .seconds(10))
        }
        for client in 0...2 {
            network.act(client) { $0.hangUp(at: $1) }
            network.run(for: .seconds(1))
            network.act(client) { $0.closeKeys(at: $1) }
        }
        network.run(for: .seconds(60))
        return (network, countdown.isOver)
    }

    @Test("N01 every request of every kind may fail in every way", arguments: Kind.allCases)
    func everyFailureUnwinds(_ kind: Kind) throws {
        for (code, occurrence) in Self.errorsAndOccurrences {
            let place: Comment = "errno \(code), number \(occurrence)"
            var (network, failed) = try busyConversation(failing: kind, code: code, occurrence: occurrence)
            #expect(failed, place)
            // The next dial works, whoever was hit.
            network.kernel.failing = { _ in nil }
            for client in 0...2 {
                let user = ["alice", "bob", "carol"][client]
                network.clients[client] = try Fixture.client(client + 11, user: user, seed: UInt64(client + 50))
                network.dial(client)
            }
            let isUp = network.run(for: .seconds(60)) { $0.clients.allSatisfy(\.isUp) }
            #expect(isUp, place)
            network.command(.shutDown)
            #expect(network.run(for: .seconds(60)) { $0.gateway.isIdle }, place)
            #expect(network.gateway.status(at: network.now).pools.first?.used == 0, place)
            #expect(network.gateway.status(at: network.now).sessionCount == 0, place)
            #expect(network.gateway.nextDeadline == nil, place)
            // What it would not take away, it still has.
            if !Kind.removing.contains(kind) { #expect(network.kernel.isClean, place) }
            network.run(for: .seconds(1))
            #expect(network.clients.allSatisfy { $0.ike.state == .closed }, place)
        }
    }

    /// A transient failure: the second try must not suffer from the first.
    @Test(arguments: Kind.making)
    func whoDialsAgainAfterARefusalGetsItsCall(_ kind: Kind) throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.kernel.failing = { Kind($0) == kind ? DataPlaneError(step: kind.rawValue, code: 12) : nil }
        network.dial(0)
        network.run(for: .seconds(70))
        network.kernel.failing = { _ in nil }
        network.clients[0] = try Fixture.client(1, seed: 99)
        network.dial(0)
        #expect(network.run(for: .seconds(60)) { !$0.kernel.interfaces.isEmpty })
    }
}

/// Due once, when asked for the given time. A test runs on one thread; the lock is for the compiler's sake.
private final class Countdown: Sendable {
    private let left: Mutex<Int>

    init(_ occurrence: Int) {
        left = Mutex(occurrence)
    }

    func isDue() -> Bool {
        left.withLock { left in
            left -= 1
            return left == 0
        }
    }

    var isOver: Bool { left.withLock { $0 <= 0 } }
}
