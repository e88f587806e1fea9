// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import IKE
import Primitives
import Runtime
import Simulation

/// One configuration, ready for rehearsals.
struct CheckStage {
    let file: String
    let text: String
    let settings: Settings
    let peer: IPAddress
    let gateway: IPAddress
    /// `nil` if the file has none that may dial: one is made up.
    let user: String?
    private let warnings: [String]

    init(check: Check, load: @escaping ConfigFile.Load) throws {
        file = check.config
        let outcome = ConfigFile.read(file, load: load)
        guard let settings = outcome.settings else {
            throw Problem(outcome.report.trimmedEnd, remedy: "culvertd --config \(file.visible) --check says the same")
        }
        self.settings = settings
        text = (try? load(file)).map { String(decoding: $0.bytes, as: UTF8.self) } ?? ""
        let users = settings.controlPlane.users
        if let name = check.user, !users.contains(where: { $0.name == name }) {
            throw Problem(
                "no user \(name.visible) is in the file of users",
                remedy: "leave --user out to have one made up"
            )
        }
        user = check.user ?? users.first { !$0.isDisabled }?.name
        peer = try Self.peer(check, settings)
        gateway = Self.gateway(of: settings, for: peer)
        warnings = user == nil ? ["The file has no user who may dial: one was made up, with a password."] : []
    }

    func report(_ vector: ClientVector) throws -> CheckReport {
        var ways: [CheckReport.Way] = []
        var additions: [CheckReport.Addition] = []
        var warnings = warnings
        // There are no NATs for IPv6.
        for isBehindNAT in peer.isV4 ? [false, true] : [false] {
            let rehearsal = rehearsal(vector, isBehindNAT: isBehindNAT)
            let (first, mended) = rehearsal.playUntilMended()
            switch first {
            case .agreed(let agreement):
                ways.append(.init(behindNAT: isBehindNAT, agreed: .init(agreement), refused: nil, mended: nil))
                note(agreement, vector, &warnings)
            case .refused(let refusal):
                ways.append(
                    .init(
                        behindNAT: isBehindNAT,
                        agreed: nil,
                        refused: .init(refusal),
                        mended: mended.map(CheckReport.Agreement.init)
                    )
                )
                for addition in self.additions(for: refusal.remedies, rehearsal) where !additions.contains(addition) {
                    additions.append(addition)
                }
            }
        }
        return CheckReport(
            client: CheckedClient(vector),
            file: file,
            user: user ?? "made up",
            peer: peer.description,
            wouldConnect: ways.allSatisfy { $0.agreed != nil },
            ways: ways,
            additions: additions,
            warnings: warnings,
            inferred: vector.inferred
        )
    }

    private func rehearsal(_ vector: ClientVector, isBehindNAT: Bool) -> Rehearsal {
        Rehearsal(
            vector: vector,
            configuration: settings.controlPlane,
            peer: peer,
            gateway: gateway,
            user: user,
            isBehindNAT: isBehindNAT,
            today: .current()
        )
    }

    private func note(_ agreement: Rehearsal.Agreement, _ vector: ClientVector, _ warnings: inout [String]) {
        var found: [String] = []
        if !agreement.legacy.isEmpty {
            let names = agreement.legacy.map(\.rawValue).sorted().joined(separator: ", ")
            found.append("It needs what is legacy: \(names).")
        }
        if agreement.recognised != vector.client {
            found.append(
                "It is taken for \(agreement.recognised.rawValue), not for \(vector.client.rawValue): what is granted to"
                    + " that client alone does not hold."
            )
        }
        if agreement.isAggressive {
            found.append("Aggressive mode lets whoever asks try passwords at home.")
        }
        if agreement.method == .pap { found.append("PAP shows the password to the gateway, inside of ESP.") }
        for warning in found where !warnings.contains(warning) { warnings.append(warning) }
    }
}

extension CheckStage {
    /// From a block for documentation, unless the profile is for others.
    private static func peer(_ check: Check, _ settings: Settings) throws -> IPAddress {
        let profiles = settings.controlPlane.ike.profiles
        if let peer = check.peer.flatMap({ IPAddress($0) }) { return peer }
        let name = check.profile ?? profiles.first?.name
        guard let profile = profiles.first(where: { $0.name == name }) else {
            let names = profiles.map(\.name.visible).joined(separator: ", ")
            throw Problem("there is no profile \((name ?? "").visible)", remedy: "the file has \(names)")
        }
        let ofAny = settings.listen.contains(where: \.isV4) ? ["198.51.100.77", "192.0.2.77", "203.0.113.77"] : []
        let candidates =
            profile.remote.map { prefixes in
                prefixes.flatMap { prefix in
                    [77, 7, 1, 0].compactMap { prefix.address.advanced(by: $0) }.filter(prefix.contains)
                }
            } ?? (ofAny + ["2001:db8::77"]).compactMap { IPAddress($0) }
        let taken = candidates.first { candidate in
            profiles.first { $0.applies(to: candidate) }?.name == profile.name
        }
        guard let taken else {
            throw Problem(
                "no address was found that comes to profile \(profile.name.visible)",
                remedy: "give one with --peer; the profiles before it may take every address"
            )
        }
        return taken
    }

    private static func gateway(of settings: Settings, for peer: IPAddress) -> IPAddress {
        let own = settings.listen.filter {
            $0.isV4 == peer.isV4 && $0.description != "0.0.0.0" && $0.description != "::"
        }
        return own.first ?? IPAddress(peer.isV4 ? "192.0.2.1" : "2001:db8::1") ?? peer
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var text = self
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }
}
