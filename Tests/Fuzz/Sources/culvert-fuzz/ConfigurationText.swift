// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Glibc
import Primitives

/// The configuration file, a zero byte, the users file, and another, the key: usable, or refused with a reason.
enum ConfigurationText: FuzzTarget {
    static let name = "configuration"

    static func run(_ script: Script) {
        var script = script
        let parts = script.rest().split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map { Array($0) }
        let outcome = ConfigFile.read("gw.yaml") { path throws(FileProblem) in
            switch path {
            case "gw.yaml": return LoadedFile(bytes: parts[0], mode: 0o600, ownerIsTrusted: true)
            case "psk" where parts.count > 2:
                return LoadedFile(bytes: parts[2], mode: 0o600, ownerIsTrusted: true)
            case "psk":
                return LoadedFile(bytes: Array("a long enough secret\n".utf8), mode: 0o600, ownerIsTrusted: true)
            case "users.yaml" where parts.count > 1:
                return LoadedFile(bytes: parts[1], mode: 0o600, ownerIsTrusted: true)
            default: throw .missing
            }
        }
        let hasErrors = outcome.diagnostics.contains { $0.severity == .error }
        check((outcome.settings == nil) == hasErrors, "usable and refused")
        check(!outcome.report.isEmpty, "no report")
        check(outcome.diagnostics.count < 10_000, "\(outcome.diagnostics.count) diagnostics")
    }

    static func seeds() -> [(name: String, bytes: [UInt8])] {
        let small = """
            gateway:
              name: gw1.example.net
              listen: [192.0.2.1]
            ike:
              profiles:
                - name: remote-access
                  secret: { file: psk }
            addresses:
              pools:
                - { name: office, range: 10.99.0.0/20, gateway: 10.99.0.1 }
            users:
              file: users.yaml

            """
        let users =
            "users: [ { name: alice, secret: s3cret }, { name: bob, nt-hash: 8846f7eaee8fb117ad06bdd830b7586c } ]\n"
        var seeds: [(name: String, bytes: [UInt8])] = [
            ("small", Array(small.utf8) + [0] + Array(users.utf8) + [0] + Array("a long enough secret\n".utf8))
        ]
        for (index, line) in small.split(separator: "\n").enumerated() {
            let broken = small.replacing(line, with: "\(line) [")
            seeds.append(("broken-\(index)", Array(broken.utf8) + [0] + Array(users.utf8)))
        }
        if let file = fopen("Docs/Examples/culvert.yaml", "r") {
            var bytes = [UInt8](repeating: 0, count: 65_536)
            bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
            fclose(file)
            seeds.append(("example", bytes + [0] + Array(users.utf8)))
        }
        return seeds
    }
}
