// SPDX-License-Identifier: Apache-2.0
import Cryptography
import L2TP
import Primitives
import Simulation
import Testing

/// Every client's tunnel against the LNS.
struct ClientTunnelTests {
    /// A client's L2TP with its name, which tests are told by.
    struct Sample: Sendable, CustomTestStringConvertible {
        var name: String
        var tunnel: ClientVector.Tunnel
        var testDescription: String { name }
    }

    static let all = [
        Sample(name: "windows", tunnel: .windows), Sample(name: "apple", tunnel: .apple),
        Sample(name: "android", tunnel: .android), Sample(name: "chromeOS", tunnel: .chromeOS),
        Sample(name: "networkManager", tunnel: .networkManager), Sample(name: "strongSwan", tunnel: .strongSwan),
        Sample(name: "routerOS", tunnel: .routerOS), Sample(name: "softEther", tunnel: .softEther),
    ]

    private func lac(_ tunnel: ClientVector.Tunnel, secret: SecretBytes? = nil) -> SimulatedLAC {
        var lac = SimulatedLAC(hostName: tunnel.hostName, secret: secret, entropy: SeededEntropy(seed: 100))
        lac.habits = tunnel.habits
        return lac
    }

    private func established(_ tunnel: ClientVector.Tunnel) -> LossyWire { .established(lac: lac(tunnel)) }

    /// The AVPs of the first datagram that a client sends.
    private func avps(of datagram: [UInt8]?) -> [AVP] {
        var reader = ByteReader(datagram ?? [])
        guard case .control(_, var body)? = try? Datagram(from: &reader) else { return [] }
        var avps: [AVP] = []
        while let avp = try? AVP(from: &body) { avps.append(avp) }
        return avps
    }

    private func sccrq(_ tunnel: ClientVector.Tunnel, secret: SecretBytes? = nil) -> [AVP] {
        var lac = lac(tunnel, secret: secret)
        return avps(of: lac.start(at: seconds(1)).first)
    }

    @Test(arguments: all) func isUpAfterFewMessagesWithoutARepetitionOrComplaint(_ sample: Sample) {
        let wire = established(sample.tunnel)
        #expect(wire.lacs[0].state == .established)
        #expect(wire.lacs[0].calls.map(\.state) == [.established])
        #expect(wire.names == ["connectionOpening", "connectionEstablished", "sessionOpening", "sessionEstablished"])
        for message in ["> SCCRQ", "< SCCRP", "> SCCCN", "> ICRQ", "< ICRP", "> ICCN"] {
            #expect(wire.log.count { $0 == message } == 1, "\(message)")
        }
        #expect(wire.log.count <= 14)
        #expect(wire.endpoint.snapshots.map(\.hostName) == [sample.tunnel.hostName])
    }

    @Test(arguments: all) func authenticatesTheTunnelIfBothHaveASecretAndItDoesSo(_ sample: Sample) {
        var configuration = Configuration(hostName: "lns")
        configuration.secret = secret("shared")
        let wire = LossyWire.established(configuration, lac: lac(sample.tunnel, secret: secret("shared")))
        #expect(wire.lacs[0].state == .established)
        #expect(wire.lacs[0].calls.map(\.state) == [.established])
    }

    @Test(arguments: all) func endsWithoutAComplaint(_ sample: Sample) {
        var wire = established(sample.tunnel)
        wire.lac { $0.hangUp(call: 0, at: $1) }
        wire.lac { $0.hangUp(at: $1) }
        wire.run(for: .seconds(60))
        #expect(wire.endpoint.snapshots.isEmpty)
        #expect(wire.names.suffix(2).contains("connectionClosed"))
        #expect(!wire.names.contains { $0.hasPrefix("(") && $0 != "(tunnel-closed)" && $0 != "(tunnel-stopped)" })
        #expect(wire.log.count { $0 == "> StopCCN" } == 1)
    }

    /// Every third datagram, in each of the three places.
    @Test(arguments: all, 0..<3) func comesUpThroughLoss(_ sample: Sample, _ phase: Int) {
        var wire = LossyWire(lacs: [lac(sample.tunnel)]) { number, _ in number % 3 == phase ? .isLost : .arrives }
        wire.lac { $0.start(at: $1) }
        wire.lac { $0.openSession(at: $1) }
        wire.run(for: .seconds(40))
        #expect(wire.lacs[0].calls.map(\.state) == [.established])
        #expect(wire.names.count { $0 == "sessionEstablished" } == 1)
    }

    @Test(arguments: all) func answersAHelloWhileItIsAwake(_ sample: Sample) {
        var wire = established(sample.tunnel)
        wire.run(for: .seconds(600))
        #expect(wire.endpoint.snapshots.count == 1)
        #expect(wire.log.count { $0 == "< HELLO" } >= 9)
        #expect(!wire.names.contains("unanswered"))
    }

    // MARK: - What only one of them does

    @Test func windowsSaysWhatLNSLogsShow() {
        let avps = sccrq(.windows)
        #expect(
            avps.map(\.attribute) == [
                .messageType, .protocolVersion, .framingCapabilities, .bearerCapabilities, .firmwareRevision, .hostName,
                .vendorName, .assignedTunnelID, .receiveWindowSize,
            ]
        )
        #expect(avps[1].value == [1, 0])
        #expect(avps[2].value == [0, 0, 0, 1])
        #expect(avps[3].value == [0, 0, 0, 0])
        #expect(avps[4].value == [6, 0])
        #expect(avps[6].value.elementsEqual("Microsoft".utf8))
    }

    @Test func androidSaysWhatMtpdSays() {
        let avps = sccrq(.android)
        #expect(
            avps.map(\.attribute) == [
                .messageType, .protocolVersion, .hostName, .framingCapabilities, .assignedTunnelID, .receiveWindowSize,
            ]
        )
        #expect(avps[2].value.elementsEqual("anonymous".utf8))
        #expect(avps[3].value == [0, 0, 0, 3])
        #expect(avps[5].value == [0, 1])
        let challenged = sccrq(.android, secret: secret("shared"))
        #expect(challenged.last?.attribute == .challenge)
        #expect(challenged.last?.value.count == 32)
    }

    @Test func androidAsksAgainEveryTwoSeconds() {
        var wire = LossyWire(lacs: [lac(.android)]) { _, _ in .isLost }
        wire.lac { $0.start(at: $1) }
        wire.run(for: .seconds(20.5))
        #expect(wire.log == Array(repeating: "> SCCRQ", count: 11))
    }

    @Test func androidAcknowledgesEveryMessageBeforeItAnswers() {
        let wire = established(.android)
        let answers = wire.log.filter { $0 != "< ZLB" }
        #expect(
            answers == ["> SCCRQ", "< SCCRP", "> ZLB", "> SCCCN", "> ICRQ", "< ICRP", "> ZLB", "> ICCN"]
        )
    }

    /// It takes one message at a time, so the LNS has but one under way, whatever it has to say.
    @Test func androidNeverGetsTwoMessagesAtOnce() {
        var wire = established(.android)
        wire.rule = { _, isForLNS in isForLNS ? .isLost : .arrives }
        wire.run(for: .seconds(56))
        #expect(wire.log.contains("< HELLO"))
        wire.lns { endpoint, now in
            endpoint.sessions(of: endpoint.snapshots[0].id).flatMap {
                endpoint.close($0.key, because: .administrative, at: now)
            }
        }
        wire.run(for: .seconds(10))
        #expect(!wire.log.contains("< CDN"))
        wire.rule = { _, _ in .arrives }
        wire.run(for: .seconds(20))
        #expect(wire.log.contains("< CDN"))
        guard case .ended(let result?) = wire.lacs[0].calls[0].state else {
            Issue.record("the call goes on")
            return
        }
        #expect(result.result == 3)
    }

    @Test func aSleepingPhoneIsStillThereTwoMinutesLater() {
        var wire = established(.android)
        wire.lacs[0].isAsleep = true
        wire.run(for: .seconds(140))
        #expect(wire.log.count { $0 == "< HELLO" } > 1)
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1])
        wire.lacs[0].isAsleep = false
        wire.run(for: .seconds(20))
        #expect(wire.endpoint.isSettled)
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1])
        #expect(!wire.names.contains("(tunnel-peer-silent)"))
    }

    @Test func androidLeavesWithoutACDN() {
        var wire = established(.android)
        wire.lac { $0.hangUp(call: 0, at: $1) }
        wire.lac { $0.hangUp(at: $1) }
        wire.run(for: .seconds(5))
        #expect(!wire.log.contains("> CDN"))
        #expect(wire.names.contains("sessionClosed"))
        #expect(stopResults(wire) == [6])
    }

    @Test func applesSwappedResultCodeIsTurnedRound() {
        var wire = established(.apple)
        wire.lac { $0.hangUp(at: $1) }
        wire.run(for: .seconds(5))
        #expect(stopResults(wire) == [1])
    }

    private func stopResults(_ wire: LossyWire) -> [UInt16] {
        wire.effects.compactMap { effect in
            guard case .report(let event) = effect, case .connectionStopped(_, by: .peer, let result) = event.kind
            else {
                return nil
            }
            return result?.result
        }
    }
}
