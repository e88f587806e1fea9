// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import IKE
import Primitives
import Simulation
import Testing

/// How large a user's packets may be follows the path, the keys and the address of the peer.
struct PathMTUTests {
    private func network(
        _ change: (inout ControlPlane.Configuration) -> Void = { _ in },
        behindNAT: Bool = false,
        pathMTU: Int = 1500
    ) throws -> SimulatedNetwork {
        var configuration = try Fixture.configuration()
        change(&configuration)
        var network = try Fixture.network(
            clients: [Fixture.client(1, behindNAT: behindNAT)],
            configuration: configuration
        )
        network.kernel.pathMTU = pathMTU
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        return network
    }

    private func kernelMTU(_ network: SimulatedNetwork) -> Int? { network.kernel.sessions.values.first?.mtu }

    private func shown(_ network: SimulatedNetwork) -> (Int?, String?) {
        let call = network.gateway.calls(at: network.now).first
        return (call?.mtu, call?.mtuExplanation)
    }

    private func count(_ name: String, _ network: SimulatedNetwork) -> Int {
        network.kernel.log.filter { $0.hasPrefix(name) }.count
    }

    private static let narrow =
        "1400 - IP 20 - ESP 8 - IV 16 - ICV 16 - trailer 2 - block 12 - UDP 8 - L2TP 6 - PPP 4 = 1308, "
        + "for the path takes 1400 of 1500 bytes"

    @Test func aNarrowPathIsFoundTwoSecondsAfterTheCallIsUp() throws {
        var network = try network()
        #expect(kernelMTU(network) == 1400)
        #expect(shown(network) == (1400, "1400, the peer's MRU, below 1420"))
        // Flags, tunnel, session; address, control and protocol; as many bytes as the largest packet of a user's.
        #expect(network.kernel.probes.map(\.count) == [6 + 2 + 1400])
        network.kernel.pathMTU = 1400
        network.run(for: .milliseconds(1900))
        #expect(kernelMTU(network) == 1400)
        network.run(for: .milliseconds(200))
        #expect(kernelMTU(network) == 1308)
        #expect(shown(network) == (1308, Self.narrow))
        #expect(network.eventNames.filter { $0 == "control mtu-changed" }.count == 1)
        #expect(
            network.events.last?.description.message
                == "cv0 takes packets of up to 1308 bytes, no longer 1400: \(Self.narrow)"
        )
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func theProbeIsAPacketThatThePeerForgets() throws {
        let probe = try #require(try network().kernel.probes.first)
        // Behind the header of L2TP: LCP, Discard-Request, identifier, length, magic number, padding.
        #expect(Array(probe[6..<14]) == [0xC0, 0x21, 11, 0, 0x05, 0x78, probe[12], probe[13]])
        #expect(probe[16...].allSatisfy { $0 == 0 })
    }

    @Test func whatTheKernelKnowsBeforehandHoldsFromTheBeginning() throws {
        let network = try network(pathMTU: 1400)
        #expect(kernelMTU(network) == 1308)
        #expect(shown(network) == (1308, Self.narrow))
        #expect(!network.eventNames.contains("control mtu-changed"))
        #expect(count("setMTU", network) == 0)
    }

    @Test func aPathThatIsWideAgainIsFollowedWithinFiveMinutes() throws {
        var network = try network(pathMTU: 1400)
        network.run(for: .seconds(10))
        network.kernel.pathMTU = 1500
        network.run(for: .seconds(280))
        #expect(kernelMTU(network) == 1308)
        network.run(for: .seconds(20))
        #expect(kernelMTU(network) == 1400)
        #expect(shown(network) == (1400, "1400, the peer's MRU, below 1420"))
        #expect(network.eventNames.filter { $0 == "control mtu-changed" }.count == 1)
        #expect(count("probePath", network) == 2)
    }

    @Test func nobodyTalksItBelowWhatEveryHostTakes() throws {
        for claimed in [0, 1, 68, 552, 575, 576, -1, .min] {
            let network = try network(pathMTU: claimed)
            #expect(kernelMTU(network) == 492)
            #expect(shown(network).1?.hasSuffix("= 492, for the path takes 576 of 1500 bytes") == true)
        }
        let network = try network(pathMTU: .max)
        #expect(kernelMTU(network) == 1400)
    }

    @Test func whatIsKnownAlreadyChangesNothing() throws {
        var network = try network(pathMTU: 1400)
        network.run(for: .seconds(3_000))
        #expect(count("readPathMTU", network) >= 10)
        #expect(count("setMTU", network) == 0)
        #expect(!network.eventNames.contains("control mtu-changed"))
        #expect(network.clients[0].isUp)
    }

    @Test func aCallThatEndsMeanwhileIsLeftAlone() throws {
        var network = try network()
        network.kernel.pathMTU = 1400
        network.act(0) { $0.hangUp(at: $1) }
        network.run(for: .seconds(10))
        #expect(count("setMTU", network) == 0)
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(1_000))
        #expect(network.kernel.isClean)
        #expect(network.gateway.isIdle)
        #expect(network.gateway.nextDeadline == nil || network.kernel.violations.isEmpty)
        #expect(count("probePath", network) == 1)
    }

    @Test func otherKeysWithAnotherCipherAreReckonedWith() throws {
        let long = ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA512_256)
        var network = try network { $0.ike.profiles[0].espProposals.append(long) }
        network.run(for: .seconds(3))
        network.clients[0].ike.settings.espOffer = [long]
        network.act(0) { client, now in client.ike.startQuickMode(at: now).map(SimulatedClient.Packet.ike) }
        #expect(network.run(for: .seconds(5)) { $0.kernel.associations.count == 4 })
        network.run(for: .seconds(5))
        // With an ICV of 32 bytes there is room for 1404; the peer's MRU is less. On a narrow path it shows.
        #expect(shown(network).1 == "1400, the peer's MRU, below 1404")
        #expect(count("setMTU", network) == 0)
        network.kernel.pathMTU = 1400
        network.clients[0].ike.settings.espOffer = Fixture.espOffer
        network.act(0) { client, now in client.ike.startQuickMode(at: now).map(SimulatedClient.Packet.ike) }
        network.run(for: .seconds(5))
        #expect(shown(network) == (1308, Self.narrow))
        network.clients[0].ike.settings.espOffer = [long]
        network.act(0) { client, now in client.ike.startQuickMode(at: now).map(SimulatedClient.Packet.ike) }
        network.run(for: .seconds(1))
        #expect(shown(network).0 == 1292)
        #expect(kernelMTU(network) == 1292)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func aMovedPeerHasAnotherPath() throws {
        var network = try network(behindNAT: true)
        network.run(for: .seconds(10))
        let before = shown(network).0
        network.kernel.pathMTU = 1300
        let elsewhere = try #require(IPAddress("198.51.100.20"))
        network.clients[0].moveNAT(to: elsewhere, ports: [500: 50_000, 4500: 50_001])
        network.act(0) { client, now in client.sayHello(at: now) }
        network.run(for: .seconds(1))
        #expect(before == 1400)
        #expect(shown(network).0 == 1212)
        #expect(kernelMTU(network) == 1212)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func whatIsConfiguredIsNotFollowed() throws {
        var network = try network({ $0.mtu = .fixed(1300) }, pathMTU: 1000)
        network.run(for: .seconds(1_000))
        #expect(kernelMTU(network) == 1300)
        #expect(count("readPathMTU", network) == 0)
        #expect(network.kernel.probes.isEmpty)
    }

    @Test func whereTheKernelNumbersPacketsNoneComesInBetween() throws {
        var configured = try Fixture.network(clients: [Fixture.client(1)])
        configured.clients[0].lac.habits.requiresSequencing = true
        configured.dial(0)
        #expect(configured.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        configured.kernel.pathMTU = 1400
        configured.run(for: .seconds(3))
        #expect(configured.kernel.probes.isEmpty)
        #expect(kernelMTU(configured) == 1304)
    }

    /// What LCP agrees on stays, and the path does not.
    @Test func aNarrowPathIsNoReasonToAskForSmallPacketsForEver() throws {
        for pathMTU in [0, 576, 1400, 1500] {
            let network = try network(pathMTU: pathMTU)
            #expect(network.clients[0].ppp.serverMRU == 1420)
        }
        #expect(try network({ $0.outerMTU = 1400 }, pathMTU: 576).clients[0].ppp.serverMRU == 1308)
        #expect(try network({ $0.mtu = .fixed(1300) }, pathMTU: 576).clients[0].ppp.serverMRU == 1300)
    }

    @Test func withoutKeysForAMomentNothingChanges() throws {
        var network = try network(pathMTU: 1400)
        network.run(for: .seconds(290))
        network.act(0) { client, _ in client.ike.deleteChildren().map(SimulatedClient.Packet.ike) }
        network.run(for: .seconds(1))
        #expect(network.kernel.associations.isEmpty)
        let readings = count("readPathMTU", network)
        network.run(for: .seconds(20))
        #expect(count("readPathMTU", network) > readings)
        #expect(shown(network) == (1308, Self.narrow))
        network.act(0) { client, now in client.ike.startQuickMode(at: now).map(SimulatedClient.Packet.ike) }
        #expect(network.run(for: .seconds(5)) { $0.kernel.associations.count == 2 })
        network.run(for: .seconds(5))
        #expect(shown(network) == (1308, Self.narrow))
        #expect(count("setMTU", network) == 0)
        #expect(!network.eventNames.contains("control mtu-changed"))
    }

    private static let refusing: @Sendable (DataPlaneRequest) -> DataPlaneError? = { request in
        if case .setMTU = request { DataPlaneError(step: "RTM_NEWLINK", code: 22) } else { nil }
    }

    @Test func aKernelThatRefusesIsNamedAndTheCallGoesOn() throws {
        var network = try network()
        network.kernel.failing = Self.refusing
        network.kernel.pathMTU = 1400
        network.run(for: .seconds(3))
        #expect(network.eventNames.contains("kernel mtu-refused"))
        #expect(!network.eventNames.contains("control mtu-changed"))
        #expect(network.clients[0].isUp)
        #expect(kernelMTU(network) == 1400)
        // What is shown is what the interface has.
        #expect(shown(network) == (1400, "1400, for the kernel refuses 1308"))
    }

    @Test func whatTheKernelRefusedIsTriedAgainAndToldOnce() throws {
        var network = try network()
        network.kernel.failing = Self.refusing
        network.kernel.pathMTU = 1400
        network.run(for: .seconds(1_000))
        #expect(count("setMTU 1308", network) == 4)
        #expect(network.eventNames.filter { $0 == "kernel mtu-refused" }.count == 1)
        network.kernel.pathMTU = 1300
        network.run(for: .seconds(300))
        #expect(network.eventNames.filter { $0 == "kernel mtu-refused" }.count == 2)
        network.kernel.failing = { _ in nil }
        network.run(for: .seconds(300))
        #expect(kernelMTU(network) == 1212)
        #expect(shown(network).0 == 1212)
        let changes = network.events.map(\.description).filter { $0.name == "mtu-changed" }
        #expect(changes.count == 1)
        #expect(changes.first?.message.hasPrefix("cv0 takes packets of up to 1212 bytes, no longer 1400: ") == true)
        // Wide again: the size it has was never another.
        network.kernel.pathMTU = 1500
        network.run(for: .seconds(300))
        #expect(kernelMTU(network) == 1400)
    }

    /// Only what is measured changes for calls that are up, never what is configured.
    @Test func aReloadLeavesCallsTheSizeTheyWereReckonedBy() throws {
        for isFixed in [false, true] {
            var network = try network()
            var other = try Fixture.configuration()
            if isFixed { other.mtu = .fixed(1280) } else { other.outerMTU = 1400 }
            network.command(.reconfigure(other))
            // Readings of the path, and other keys.
            network.run(for: .seconds(400))
            network.act(0) { client, now in client.ike.rekeyChild(at: now).map(SimulatedClient.Packet.ike) }
            network.run(for: .seconds(400))
            #expect(shown(network) == (1400, "1400, the peer's MRU, below 1420"))
            #expect(count("setMTU", network) == 0)
            // It follows the path as before.
            network.kernel.pathMTU = 1400
            network.run(for: .seconds(302))
            #expect(shown(network) == (1308, Self.narrow))
            #expect(kernelMTU(network) == 1308)
            // Who comes now is reckoned by the new one.
            network.act(0) { $0.hangUp(at: $1) }
            network.run(for: .seconds(1))
            network.act(0) { $0.closeKeys(at: $1) }
            network.run(for: .seconds(5))
            network.clients[0] = try Fixture.client(1, seed: 7)
            network.dial(0)
            #expect(network.run(for: .seconds(10)) { $0.clients[0].isUp })
            #expect(shown(network).0 == (isFixed ? 1280 : 1308))
            #expect(network.kernel.violations.isEmpty)
        }
    }

    @Test func aCallOfAFixedSizeKeepsItWhenTheMTUIsReckonedFromNowOn() throws {
        var network = try network({ $0.mtu = .fixed(1300) }, pathMTU: 1000)
        network.command(.reconfigure(try Fixture.configuration()))
        network.run(for: .seconds(1_000))
        #expect(shown(network) == (1300, "1300, as configured"))
        #expect(network.kernel.probes.isEmpty)
    }

    @Test func aKernelThatDoesNotSayChangesNothing() throws {
        var network = try network(pathMTU: 1400)
        network.kernel.failing = { request in
            switch request {
            case .readPathMTU, .probePath: DataPlaneError(step: "connect", code: 101)
            default: nil
            }
        }
        network.run(for: .seconds(1_000))
        #expect(kernelMTU(network) == 1308)
        #expect(network.clients[0].isUp)
    }
}
