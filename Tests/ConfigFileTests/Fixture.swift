// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Primitives

/// A small configuration that is right, to be broken line by line, and the files it names.
struct Fixture {
    var lines = """
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
        """.split(separator: "\n").map(String.init)

    /// By the path they are asked for.
    var files: [String: Result<LoadedFile, FileProblem>] = [
        "psk": .success(Fixture.file("a long enough secret\n")),
        "users.yaml": .success(Fixture.file("users: [ { name: alice, secret: s3cret } ]\n")),
    ]

    static func file(_ text: String, mode: UInt32 = 0o600, ownerIsTrusted: Bool = true) -> LoadedFile {
        LoadedFile(bytes: Array(text.utf8), mode: mode, ownerIsTrusted: ownerIsTrusted)
    }

    /// With line `number`, counted from 1, replaced by `text`, which may have several lines.
    func replacing(_ number: Int, by text: String) -> Fixture {
        var copy = self
        copy.lines[number - 1] = text
        return copy
    }

    func adding(_ text: String) -> Fixture {
        var copy = self
        copy.lines.append(text)
        return copy
    }

    func with(_ path: String, _ text: String, mode: UInt32 = 0o600, ownerIsTrusted: Bool = true) -> Fixture {
        var copy = self
        copy.files[path] = .success(Fixture.file(text, mode: mode, ownerIsTrusted: ownerIsTrusted))
        return copy
    }

    func with(_ path: String, _ problem: FileProblem) -> Fixture {
        var copy = self
        copy.files[path] = .failure(problem)
        return copy
    }

    var text: String { lines.joined(separator: "\n") + "\n" }

    var outcome: ConfigFile.Outcome { outcome(file: "gw.yaml") }

    func outcome(file: String) -> ConfigFile.Outcome {
        let files = files
        return ConfigFile.parse(text, file: file) { path throws(FileProblem) in
            guard let result = files[path] else { throw .missing }
            return try result.get()
        }
    }

    /// Every diagnostic as it is printed.
    var report: [String] { outcome.diagnostics.map(\.description) }
}
