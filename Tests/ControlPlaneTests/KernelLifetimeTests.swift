// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import IKE
import Primitives
import Simulation
import Testing

/// What the kernel is told of lifetimes, and what it tells of their ends.
struct KernelLifetimeTests {
    private func network(kilobytes: UInt64? = nil) throws -> SimulatedNetwork {
        var configuration = try Fixture.configuration()
        configuration.ike.profiles[0].longestChildLifetime = .seconds(1000)
        configuration.ike.profiles[0].longestChildKilobytes = kilobytes
        var network = try Fixture.network(clients: [Fixture.client(1)], configuration: configuration)
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.run(for: .seconds(1))
        return network
    }

    @Test("Z08 the kernel's clock is only a backstop")
    func theKernelsClock() throws {
        let lifetimes = try network().kernel.associations.values.map(\.lifetime)
        #expect(lifetimes.count == 2)
        for lifetime in lifetimes {
            // Agreed are the responder's 1,000 seconds at most.
            #expect(lifetime.hardSeconds == 2000)
            #expect(lifetime.softSeconds == nil)
        }
    }

    @Test func bytesAreReportedATenthBeforeTheirEnd() {
        let most = UInt64.max >> 10
        let expected: [(kilobytes: UInt64, soft: UInt64, hard: UInt64)] = [
            (1, 922, 1024), (250_000, 230_400_000, 256_000_000), (most, (most << 10) - (most << 10) / 10, most << 10),
        ]
        for (kilobytes, soft, hard) in expected {
            let lifetime = Self.child(kilobytes: kilobytes).kernelLifetime
            #expect(lifetime.softBytes == soft)
            #expect(lifetime.hardBytes == hard)
        }
    }

    @Test(arguments: [UInt64.max, UInt64.max / 1024 + 1, 0])
    func bytesBeyondAllBoundsAreNone(_ kilobytes: UInt64) {
        let lifetime = Self.child(kilobytes: kilobytes).kernelLifetime
        #expect(lifetime.softBytes == nil)
        #expect(lifetime.hardBytes == nil)
    }

    @Test(arguments: [Duration.seconds(Int64.max), .seconds(0), .seconds(-5)])
    func absurdSecondsAreNone(_ seconds: Duration) {
        var child = Self.child(kilobytes: nil)
        child.lifetime = seconds
        #expect(child.kernelLifetime.hardSeconds == nil)
    }

    private static func child(kilobytes: UInt64?) -> ChildSA {
        let address = SocketAddress(.v4(1), port: 500)
        return ChildSA(
            id: ChildSA.ID(ike: IKESAID(rawValue: 1), inboundSPI: ESPSPI(rawValue: 256)!),
            trace: TraceID(rawValue: 1),
            outboundSPI: ESPSPI(rawValue: 257)!,
            transform: Fixture.espOffer[0],
            inboundEncryptionKey: SecretBytes(copying: []),
            inboundIntegrityKey: nil,
            outboundEncryptionKey: SecretBytes(copying: []),
            outboundIntegrityKey: nil,
            local: address,
            peer: address,
            isEncapsulated: false,
            peerTrafficPort: nil,
            lifetime: .seconds(3600),
            lifetimeKilobytes: kilobytes
        )
    }

    @Test(arguments: [SecurityAssociation.Direction.inbound, .outbound])
    func theHardEndOfOneHalfIsTheEndOfBoth(_ direction: SecurityAssociation.Direction) throws {
        var network = try network()
        // A second pair, so that the call has something to live on.
        network.act(0) { client, now in client.ike.startQuickMode(at: now).map(SimulatedClient.Packet.ike) }
        #expect(network.run(for: .seconds(5)) { $0.kernel.associations.count == 4 })
        let spi = try #require(network.clients[0].ike.children.first)
        let half = try #require(
            network.kernel.associations.values.first {
                $0.direction == direction && $0.spi == (direction == .inbound ? spi.outboundSPI : spi.inboundSPI)
            }
        )
        network.kernel.lose(half.id)
        network.notify(.expired(half.id, requestID: half.requestID.rawValue, isHard: true))
        network.run(for: .seconds(2))
        #expect(network.kernel.associations.count == 2)
        #expect(network.eventNames.count { $0 == "esp expired" } == 1)
        #expect(network.clients[0].isUp)
        #expect(network.kernel.violations.isEmpty)
        // Said again, and about a peer that it is not.
        network.notify(.expired(half.id, requestID: half.requestID.rawValue, isHard: true))
        #expect(network.eventNames.count { $0 == "esp expired" } == 1)
    }

    @Test(arguments: [SecurityAssociation.Direction.inbound, .outbound])
    func whatTheKernelSaysIsRunningOutIsReplacedAndTheCallGoesOn(_ direction: SecurityAssociation.Direction) throws {
        var network = try network()
        let former = network.kernel.associations
        let half = try #require(former.values.first { $0.direction == direction })
        network.notify(.expired(half.id, requestID: half.requestID.rawValue, isHard: false))
        #expect(network.run(for: .seconds(10)) { $0.kernel.associations.count == 4 })
        #expect(Set(network.kernel.associations.values.map(\.requestID)).count == 1)
        network.run(for: .seconds(300))
        #expect(network.kernel.associations.count == 2)
        #expect(Set(network.kernel.associations.keys).isDisjoint(with: former.keys))
        #expect(network.kernel.interfaces.count == 1)
        #expect(!network.eventNames.contains("control call-down"))
        #expect(network.kernel.violations.isEmpty)
    }

    /// Somebody removed half a pair: the peer is asked for another.
    @Test(arguments: [SecurityAssociation.Direction.inbound, .outbound])
    func aRemovedAssociationIsReplacedAndTheCallGoesOn(_ direction: SecurityAssociation.Direction) throws {
        var network = try network()
        let half = try #require(network.kernel.associations.values.first { $0.direction == direction })
        network.kernel.lose(half.id)
        network.notify(.vanished(.association(half.id)))
        network.run(for: .seconds(120))
        #expect(network.kernel.associations.count == 2)
        #expect(network.kernel.associations[half.id] == nil)
        #expect(network.kernel.interfaces.count == 1)
        #expect(!network.eventNames.contains("control call-down"))
        network.act(0) { client, now in client.sayHello(at: now) }
        #expect(network.run(for: .seconds(5)) { $0.clients[0].lac.isSettled })
    }

    @Test("N04 an expiry for another request id is nobody's")
    func anExpiryForAnother() throws {
        var network = try network()
        let half = try #require(network.kernel.associations.values.first)
        network.notify(.expired(half.id, requestID: half.requestID.rawValue ^ 1 << 16, isHard: true))
        network.run(for: .seconds(1))
        #expect(network.kernel.associations.count == 2)
        #expect(!network.eventNames.contains("esp expired"))
    }
}
