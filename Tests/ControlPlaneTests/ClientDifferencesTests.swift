// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import IKE
import Primitives
import Simulation
import Testing

/// What differs from client to client, as far as others than IKE see it.
struct ClientDifferencesTests {
    /// The length of HMAC-SHA2-256 reaches the kernel, the MTU and who asks about the call.
    @Test func theLengthOfSHA256IsTheSameEverywhere() throws {
        var mtus: [Int] = []
        for (truncation, name, length) in [
            (SHA256Truncation.bits128, "aes256-sha256", 16), (.bits96, "aes256-sha256_96", 12),
        ] {
            var configuration = try Fixture.configuration()
            configuration.ike.profiles[0].sha256Truncation = truncation
            var network = try Fixture.network(
                clients: [Fixture.client(1, behindNAT: true)],
                configuration: configuration
            )
            network.dial(0)
            #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
            #expect(network.kernel.associations.values.map(\.transform.icvLength) == [length, length])
            let call = try #require(network.gateway.calls(at: network.now).first)
            #expect(call.esp.map(\.transform) == [name])
            #expect(call.ike.client == "unknown")
            mtus.append(try #require(call.mtu))
        }
        // Blocks of 16 bytes: four bytes less behind them may make room for another one, and never take one away.
        #expect(mtus[1] >= mtus[0])
    }

    @Test func aGrantThatHasEndedIsToldWithoutAPeer() throws {
        var configuration = try Fixture.configuration()
        configuration.ike.profiles[0].legacyGrants = [LegacyGrant(.md5, until: WallClockTime(endOf: "2027-03-31"))]
        var gateway = ControlPlane(configuration: configuration, entropy: SeededEntropy(seed: 1))
        let start = MonotonicTime(nanoseconds: 0)
        #expect(gateway.nextDeadline == nil)
        let noon = WallClockTime(milliseconds: 1_806_408_000_000)
        #expect(gateway.handle(.calendar(noon), at: start).isEmpty)
        let end = start.advanced(by: .seconds(36 * 3600))
        #expect(gateway.nextDeadline == end)
        // Nothing that has to be waited for when the gateway shuts down.
        #expect(gateway.isIdle)
        let effects = gateway.advance(to: end)
        guard case .report(let event)? = effects.first, effects.count == 1 else {
            Issue.record("\(effects)")
            return
        }
        #expect(event.description.name == "legacy-grant-ended")
        #expect(event.peer == nil && event.trace == nil)
        #expect(gateway.nextDeadline == nil)
        #expect(gateway.status(at: end).counters?["ike.legacy-md5"] == 0)
    }
}
