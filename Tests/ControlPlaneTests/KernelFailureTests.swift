// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import Primitives
import Simulation
import Testing

/// The kernel refuses: whatever stands by then is taken away again.
struct KernelFailureTests {
    enum Kind: String, CaseIterable {
        case openSocket, connectSocket, installInbound, installOutbound, createSession, bringUp
        case closeSocket, remove, removeSession
        case move, readCounters, takeInventory

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
