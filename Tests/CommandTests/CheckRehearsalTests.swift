// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import IKE
import Primitives
import Simulation
import Testing

/// What a rehearsal says of configurations that no file spells out.
struct CheckRehearsalTests {
    private func rehearsal(_ client: String, _ change: (inout ControlPlane.Configuration) -> Void) throws -> Rehearsal {
        let text = """
            gateway: { name: gw1.example.net, listen: [192.0.2.1] }
            ike:
              profiles: [ { name: remote-access, secret: { file: psk }, allow-legacy: [modp1024] } ]
            addresses:
              pools: [ { name: office, range: 10.99.0.0/24, gateway: 10.99.0.1 } ]
            users: { file: users.yaml }
            """
        let outcome = ConfigFile.parse(text, file: "gw.yaml") { path throws(FileProblem) in
            let content = path == "psk" ? "a long enough secret\n" : "users: [ { name: alice, secret: s3cret } ]\n"
            return LoadedFile(bytes: Array(content.utf8), mode: 0o600, ownerIsTrusted: true)
        }
        var configuration = try #require(outcome.settings).controlPlane
        change(&configuration)
        return Rehearsal(
            vector: try #require(ClientVector.named(client)),
            configuration: configuration,
            peer: try #require(IPAddress("198.51.100.77")),
            gateway: try #require(IPAddress("192.0.2.1")),
            user: "alice",
            isBehindNAT: true,
            today: WallClockTime(milliseconds: 1_795_000_000_000)
        )
    }

    private func refusal(_ rehearsal: Rehearsal) throws -> Rehearsal.Refusal {
        guard case .refused(let refusal) = rehearsal.play() else {
            Issue.record("the client comes in")
            throw Absent()
        }
        return refusal
    }

    private struct Absent: Error {}

    /// The keys are the same, but no packet would pass.
    @Test func theOtherTruncationOfSHA256IsRefused() throws {
        let rehearsal = try rehearsal("android6") { $0.ike.profiles[0].sha256Truncation = .bits128 }
        let refusal = try refusal(rehearsal)
        #expect(refusal.layer == .esp)
        #expect(refusal.missing == ["sha256-truncation: auto"])
        #expect(refusal.remedies == [.truncation(.byClient)])
    }

    @Test func aClientWithTheTruncationOfTheRFCComesIn() throws {
        guard case .agreed(let agreement) = try rehearsal("macos", { _ in }).play() else {
            Issue.record("the client does not come in")
            return
        }
        #expect(agreement.esp.description == "aes256-sha256")
        #expect(agreement.isEncapsulated)
    }

    @Test func aProfileWhoseKeysHaveEndedIsNamed() throws {
        let rehearsal = try rehearsal("windows11") {
            $0.ike.profiles[0].preSharedKeys[0].until = WallClockTime(milliseconds: 1_794_999_999_999)
        }
        let refusal = try refusal(rehearsal)
        #expect(refusal.reason == "no pre-shared key of profile remote-access is valid today")
        #expect(refusal.remedies.isEmpty)
    }

    @Test func whatOneLayerAfterTheOtherLacksIsSaidAtOnce() throws {
        let rehearsal = try rehearsal("windows11") {
            $0.ike.profiles[0].ikeProposals = [IKETransform("aes256-sha256-modp4096")].compactMap(\.self)
            $0.ike.profiles[0].espProposals = [.init(cipher: .aesGCM16(keyBits: 256), integrity: nil)]
            $0.ppp.authentication = [.pap]
        }
        let (first, mended) = rehearsal.playUntilMended()
        guard case .refused(let refusal) = first, let transform = IKETransform("aes256-sha1-ecp384") else {
            Issue.record("the client comes in")
            return
        }
        #expect(refusal.message == "main mode, message 1 (SA)")
        #expect(
            refusal.remedies == [.proposal(transform), .espProposal("aes256-sha1"), .authentication(.mschapv2)]
        )
        #expect(mended?.ike == transform)
    }
}
