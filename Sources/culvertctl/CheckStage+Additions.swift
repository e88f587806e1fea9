// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import IKE
import Primitives
import Simulation

/// From what a configuration lacks to what to write, and where.
extension CheckStage {
    func additions(for remedies: [Rehearsal.Remedy], _ rehearsal: Rehearsal) -> [CheckReport.Addition] {
        let profiles = settings.controlPlane.ike.profiles
        let name = rehearsal.profile?.name ?? profiles.first?.name
        let index = profiles.firstIndex { $0.name == name } ?? 0
        guard profiles.indices.contains(index) else { return [] }
        let writer = Writer(text: text, profile: profiles[index], index: index)
        var legacy: [String] = []
        var briefLegacy: [String] = []
        var group: String?
        var additions: [CheckReport.Addition] = []
        for remedy in remedies {
            switch remedy {
            case .allowLegacy(let algorithm, let client):
                legacy.append(
                    client.map { "{ name: \(algorithm.rawValue), clients: [\($0.rawValue)] }" } ?? algorithm.rawValue
                )
                briefLegacy.append(algorithm.rawValue)
            case .proposal(let transform):
                additions.append(writer.proposal(transform.description, to: "proposals", writer.ikeProposals))
            case .espProposal(let text):
                additions.append(writer.proposal(text, to: "esp-proposals", writer.espProposals))
            case .pfsGroup(let group):
                additions.append(
                    writer.proposal(group, to: "pfs-groups", writer.profile.pfsGroups.map(\.operatorName))
                )
            case .truncation(let truncation):
                additions.append(writer.value(truncation.rawValue, of: "sha256-truncation"))
            case .aggressiveMode(let identity):
                additions.append(writer.value("true", of: "aggressive-mode"))
                additions.append(writer.entry(identity, of: "identities"))
            case .groupProfile(let name):
                group = name
            case .identity(let identity):
                additions.append(writer.entry(identity, of: "identities"))
            case .remote(let address):
                additions.append(writer.entry("\(address)", of: "remote"))
            case .authentication(let method):
                additions.append(
                    writer.entry(method.rawValue, at: ["ppp"], of: "authentication", place: "ppp")
                )
            case .pool:
                additions.append(writer.pool)
            case .user(let user):
                additions.append(writer.user(user))
            }
        }
        if let group { return additions + [writer.groupProfile(group, legacy)] }
        guard !legacy.isEmpty else { return additions }
        var addition = writer.entry(legacy.joined(separator: ", "), of: "allow-legacy")
        addition.brief = "allow-legacy \(briefLegacy.joined(separator: ", "))"
        return [addition] + additions
    }

    private struct Writer {
        let text: String
        let profile: Profile
        let index: Int

        private var profileName: String { "ike.profiles[\(index)]" }
        private var profilePath: [ConfigFile.Step] { ["ike", "profiles", .element(index)] }

        /// What may stand in a list: legacy needs leave to.
        var ikeProposals: [String] {
            profile.ikeProposals.filter { $0.legacyAlgorithms.isSubset(of: profile.allowLegacy) }.map(\.description)
        }
        var espProposals: [String] {
            profile.espProposals.filter { $0.legacyAlgorithms.isSubset(of: profile.allowLegacy) }.map(\.description)
        }

        func entry(_ entry: String, of key: String) -> CheckReport.Addition {
            self.entry(entry, at: profilePath, of: key, place: profileName)
        }

        /// One more of a list, or the list.
        func entry(
            _ entry: String,
            at path: [ConfigFile.Step],
            of key: String,
            place: String
        ) -> CheckReport.Addition {
            if let line = ConfigFile.line(of: path + [.key(key)], in: text) {
                return .init(place: "\(place).\(key)", line: line, text: entry, brief: "\(key) \(entry)")
            }
            let line = ConfigFile.line(of: path, in: text)
            return .init(place: place, line: line, text: "\(key): [ \(entry) ]", brief: "\(key) \(entry)")
        }

        func value(_ value: String, of key: String) -> CheckReport.Addition {
            let line = ConfigFile.line(of: profilePath + [.key(key)], in: text)
            return .init(
                place: profileName + (line == nil ? "" : ".\(key)"),
                line: line ?? ConfigFile.line(of: profilePath, in: text),
                text: "\(key): \(value)",
                brief: key
            )
        }

        /// The name of a preset, written or not, has to become the list that it stands for.
        func proposal(_ entry: String, to key: String, _ present: [String]) -> CheckReport.Addition {
            let path = profilePath + [.key(key)]
            guard let line = ConfigFile.line(of: path, in: text),
                present.isEmpty || ConfigFile.line(of: path + [0], in: text) != nil
            else {
                var addition = value("[ \((present + [entry]).joined(separator: ", ")) ]", of: key)
                addition.brief = "\(key) \(entry)"
                return addition
            }
            return .init(place: "\(profileName).\(key)", line: line, text: entry, brief: "\(key) \(entry)")
        }

        /// With the presets, and the legacy algorithms that it takes beyond them.
        func groupProfile(_ name: String, _ legacy: [String]) -> CheckReport.Addition {
            let leave = legacy.isEmpty ? "" : ", allow-legacy: [ \(legacy.joined(separator: ", ")) ]"
            return .init(
                place: "ike.profiles",
                line: ConfigFile.line(of: ["ike", "profiles"], in: text),
                text: "- { name: \(name), secret: { file: ITS SECRET }, aggressive-mode: true, identities: [ \(name) ]"
                    + "\(leave) }",
                brief: "a profile with aggressive-mode for \(name)"
            )
        }

        var pool: CheckReport.Addition {
            .init(
                place: "addresses.pools",
                line: ConfigFile.line(of: ["addresses", "pools"], in: text),
                text: "{ name: NAME, range: A LARGER BLOCK, gateway: OUR ADDRESS IN IT }",
                brief: "a free address"
            )
        }

        func user(_ name: String) -> CheckReport.Addition {
            .init(
                place: "the file that users.file names",
                line: nil,
                text: "{ name: \(name), secret: THE PASSWORD }",
                brief: "user \(name)"
            )
        }
    }
}
