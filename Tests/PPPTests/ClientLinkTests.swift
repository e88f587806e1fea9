// SPDX-License-Identifier: Apache-2.0
import Cryptography
import PPP
import Primitives
import Simulation
import Testing

/// Every client's PPP against the gateway's link.
struct ClientLinkTests {
    /// A client's PPP with its name, which tests are told by.
    struct Sample: Sendable, CustomTestStringConvertible {
        var name: String
        var link: ClientVector.Link
        var testDescription: String { name }
    }

    static let all = [
        Sample(name: "windows", link: .windows), Sample(name: "windowsXP", link: .windowsXP),
        Sample(name: "apple", link: .apple), Sample(name: "android", link: .android),
        Sample(name: "chromeOS", link: .chromeOS), Sample(name: "networkManager", link: .networkManager),
        Sample(name: "strongSwan", link: .strongSwan), Sample(name: "routerOS", link: .routerOS),
        Sample(name: "softEther", link: .softEther),
    ]

    /// With the frames that either end sent, as text such as `> LCP 1`.
    private final class Log {
        var lines: [String] = []
    }

    private func wire(
        _ link: ClientVector.Link,
        methods: [AuthenticationMethod] = [.mschapv2, .chapMD5, .pap],
        log: Log = Log()
    ) -> LossyPPPWire {
        var client = SimulatedPPPClient.Configuration(user: "alice", passwords: ["s3cr3t"], methods: link.methods)
        client.habits = link.habits
        var wire = LossyPPPWire(client, methods: methods)
        wire.tamper = { frame, isForLink in
            log.lines.append("\(isForLink ? ">" : "<") \(Self.name(of: frame))")
            return nil
        }
        return wire
    }

    private static func name(of bytes: [UInt8]) -> String {
        var reader = ByteReader(bytes)
        guard let frame = try? Frame(from: &reader) else { return "?" }
        var information = ByteReader(frame.information)
        guard let packet = try? ControlPacket(from: &information) else { return "\(frame.protocolNumber)" }
        return "\(frame.protocolNumber) \(packet.code.rawValue)"
    }

    @Test(arguments: all) func isUpAtOnceAndWithoutALoop(_ sample: Sample) {
        let log = Log()
        var wire = wire(sample.link, log: log)
        let start = wire.now
        wire.dial()
        wire.runUntilUp()
        #expect(wire.client.isUp)
        #expect(start.duration(to: wire.now) <= .milliseconds(200))
        #expect(wire.client.agreedMethod == sample.link.methods.first)
        #expect(wire.client.address == wire.offer.peerAddress)
        #expect(wire.client.dns == wire.offer.dns)
        wire.run(for: .seconds(20))
        // Nobody repeats anything any more, and every protocol was refused once.
        #expect(log.lines.count <= 32)
        #expect(wire.client.rejectedProtocols.count == Set(wire.client.rejectedProtocols).count)
        #expect(Set(wire.client.rejectedProtocols) == Set(sample.link.habits.others.map(\.number)))
        #expect(wire.ends.isEmpty)
    }

    @Test(arguments: all) func takesEachOfItsMethodsIfTheGatewayHasNoOther(_ sample: Sample) {
        for method in sample.link.methods {
            var wire = wire(sample.link, methods: [method])
            wire.dial()
            wire.runUntilUp()
            #expect(wire.client.agreedMethod == method)
            #expect(wire.client.isUp)
        }
    }

    @Test(arguments: all) func aMethodThatItDoesNotHaveEndsTheCallWithBothListsNamed(_ sample: Sample) {
        let others = AuthenticationMethod.allCases.filter { !sample.link.methods.contains($0) }
        guard !others.isEmpty else { return }
        var wire = wire(sample.link, methods: others)
        wire.dial()
        wire.run(for: .seconds(60))
        #expect(!wire.client.isUp)
        #expect(wire.ends.count == 1)
        let failures = wire.events.compactMap { event in
            if case .negotiationFailed(.lcp, .authentication(let accepted, _)) = event { accepted } else { nil }
        }
        #expect(failures == [others])
    }

    @Test(arguments: all, 5...8) func comesUpThroughLoss(_ sample: Sample, _ n: Int) {
        for phase in 0..<n {
            var wire = wire(sample.link)
            wire.fate = { $0 % n == phase ? .lose : .deliver }
            wire.dial()
            wire.runUntilUp()
            #expect(wire.client.isUp, "every \(n)th from \(phase)")
        }
    }

    // MARK: - What only one of them does

    @Test func windowsIsRefusedCallbackAndNameServersThatNobodyHasOnce() {
        let log = Log()
        var wire = wire(.windows, log: log)
        wire.dial()
        wire.run(for: .seconds(5))
        #expect(wire.client.isUp)
        #expect(log.lines.count { $0 == "< LCP 4" } == 1)
        #expect(log.lines.count { $0 == "< IPCP 4" } == 1)
        #expect(log.lines.count { $0 == "> LCP 1" } == 2)
        #expect(log.lines.count { $0 == "> IPCP 1" } == 3)
    }

    @Test func windowsSaysWhatItIs() {
        var wire = wire(.windows)
        wire.dial()
        wire.runUntilUp()
        #expect(wire.events.contains(.identification("MSRASV5.20")))
    }

    @Test func windowsBeginsItsProtocolsInOrder() {
        let log = Log()
        var wire = wire(.windows, log: log)
        wire.dial()
        wire.runUntilUp()
        let begun = log.lines.filter { $0.hasPrefix("> ") && $0.hasSuffix(" 1") && !$0.hasPrefix("> LCP") }
        #expect(begun.prefix(3) == ["> IPv6CP 1", "> CCP 1", "> IPCP 1"])
    }

    @Test func windowsXPIsRefusedMultilink() {
        var wire = wire(.windowsXP)
        wire.dial()
        wire.runUntilUp()
        #expect(wire.client.isUp)
        #expect(wire.networks.map(\.peerMRU) == [1400])
    }

    @Test func applesOwnProtocolIsRefused() {
        var wire = wire(.apple)
        wire.dial()
        wire.run(for: .seconds(5))
        #expect(wire.client.rejectedProtocols.contains(ProtocolNumber(rawValue: 0x8235)))
        // It names no MRU.
        #expect(wire.networks.map(\.peerMRU) == [1500])
    }

    @Test func androidWantsTwoNameServersAndNoHeaderCompression() {
        var wire = wire(.android)
        wire.dial()
        wire.runUntilUp()
        #expect(wire.client.dns == wire.offer.dns)
    }

    /// Its CCP and IPCP are there before the gateway knows whether it is who it says. IPCP is kept; CCP, which nobody
    /// may answer then, it repeats, and is refused.
    @Test func theRaceOfRouterOSCostsNoRoundAndNoAddress() {
        for delay in [Duration.zero, .milliseconds(500)] {
            let log = Log()
            var wire = wire(.routerOS, log: log)
            wire.delay = delay
            let start = wire.now
            wire.dial()
            wire.runUntilUp()
            #expect(wire.client.address == wire.offer.peerAddress)
            #expect(start.duration(to: wire.now) <= .milliseconds(200) + delay * 2)
            wire.run(for: .seconds(20))
            #expect(wire.client.rejectedProtocols == [.ccp])
            #expect(log.lines.count { $0 == "> CCP 1" } <= 2)
            #expect(wire.client.isUp)
        }
    }
}
