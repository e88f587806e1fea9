// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// Why a file with a secret in it is not to be trusted.
enum SecretFileProblem: Hashable {
    /// The path is for the remedy.
    case open(mode: UInt32, path: String)
    case foreignOwner(path: String)
    case openCredential(mode: UInt32)

    var words: String {
        switch self {
        case .open(let mode, _), .openCredential(let mode): "others may read or write it (mode \(mode.octal))"
        case .foreignOwner: "it belongs to another user"
        }
    }

    var remedy: String {
        switch self {
        case .open(_, let path): "chmod 600 \(path)"
        case .foreignOwner(let path): "chown root \(path)"
        case .openCredential: "let LoadCredential= in the unit of culvertd make it"
        }
    }
}

extension LoadedFile {
    func secretProblem(path: String) -> SecretFileProblem? {
        if !ownerIsTrusted { return .foreignOwner(path: path) }
        // The service manager lets a user of its own read by an access list, which shows as the group's right.
        if path.hasPrefix(ConfigFile.credentials) {
            return mode & 0o037 == 0 ? nil : .openCredential(mode: mode & 0o7777)
        }
        return mode & 0o077 == 0 ? nil : .open(mode: mode & 0o7777, path: path)
    }
}

extension FileProblem {
    /// After the name of the file.
    var words: String {
        switch self {
        case .missing: "does not exist"
        case .noCredentials: "cannot be read, because the variable CREDENTIALS_DIRECTORY is not set"
        case .permissionDenied: "may not be read"
        case .notAFile: "is not a regular file"
        case .tooLarge: "is too large"
        case .other(let reason): "cannot be read (\(reason))"
        }
    }

    var remedy: String? {
        switch self {
        case .permissionDenied: "give it to the user that culvertd runs as"
        case .noCredentials:
            "LoadCredential=NAME:FILE in the unit of culvertd; by hand, set it to a folder of such files"
        case .missing, .notAFile, .tooLarge, .other: nil
        }
    }
}

extension Lowering {
    /// Text, `{ file: path }` or `{ credential: name }`. `0x` and hexadecimal digits stand for bytes in both; of a file, the
    /// last line end does not count. No message shows any of it.
    mutating func secret(_ node: Document.Node, _ what: String) -> SecretBytes? {
        switch node.content {
        case .list:
            diagnostics.error(node.position, "\(what) is text or { file: path }, not a list")
            return nil
        case .scalar(let text, _):
            guard !node.isEmpty else {
                diagnostics.error(node.position, "\(what) has no value")
                return nil
            }
            if let permissions {
                diagnostics.error(
                    node.position,
                    "\(what) stands in this file, and \(permissions.words)",
                    remedy: permissions.remedy
                )
            }
            return bytes(of: Array(text.utf8), what, at: node.position)
        case .mapping:
            guard var section = Section(node, name: what, diagnostics: &diagnostics) else { return nil }
            let place = secretPlace(&section, what)
            section.finish(&diagnostics)
            guard let place, var loaded = secretFile(place.path, what, at: place.position) else { return nil }
            if loaded.last == 0x0A { loaded.removeLast() }
            if loaded.last == 0x0D { loaded.removeLast() }
            return bytes(of: loaded, what, at: place.position)
        }
    }

    /// Where a secret stands: `file` is a path, `credential` a name that the service manager knows.
    mutating func secretPlace(_ section: inout Section, _ what: String) -> (path: String, position: Position)? {
        guard let node = section.take("credential") else {
            guard let node = section.require("file", &diagnostics) else { return nil }
            return nonEmpty(node, "the path of \(what)").map { ($0, node.position) }
        }
        guard section.take("file") == nil else {
            diagnostics.error(node.position, "\(what) has 'file' or 'credential', not both")
            return nil
        }
        guard let name = nonEmpty(node, "the credential of \(what)") else { return nil }
        guard name.utf8.count <= 255, !name.hasPrefix("."),
            name.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x2F && $0 != 0x3A })
        else {
            diagnostics.error(node.position, "the credential of \(what) is a name such as psk, not a path")
            return nil
        }
        return (ConfigFile.credentials + name, node.position)
    }

    /// The contents of a file that only its owner may read.
    mutating func secretFile(_ path: String, _ what: String, at position: Position) -> [UInt8]? {
        let path = path.relative(toFolderOf: diagnostics.file)
        let file: LoadedFile
        do throws(FileProblem) {
            file = try load(path)
        } catch {
            diagnostics.error(position, "\(what): \(path) \(error.words)", remedy: error.remedy)
            return nil
        }
        if let problem = file.secretProblem(path: path) {
            diagnostics.error(position, "\(what): \(path) is refused, because \(problem.words)", remedy: problem.remedy)
            return nil
        }
        return file.bytes
    }

    private mutating func bytes(of text: [UInt8], _ what: String, at position: Position) -> SecretBytes? {
        var text = text
        defer { text.wipe() }
        guard !text.isEmpty else {
            diagnostics.error(position, "\(what) is empty")
            return nil
        }
        guard text.starts(with: [0x30, 0x78]) else { return SecretBytes(copying: text) }
        guard let bytes = [UInt8](hexadecimal: text.dropFirst(2)), !bytes.isEmpty else {
            diagnostics.error(position, "\(what) begins with 0x, but pairs of hexadecimal digits do not follow")
            return nil
        }
        return SecretBytes(copying: bytes)
    }
}

extension [UInt8] {
    /// From an even number of digits and nothing else.
    init?(hexadecimal digits: some Collection<UInt8>) {
        guard digits.count.isMultiple(of: 2) else { return nil }
        self = []
        var high: UInt8?
        for digit in digits {
            let value: UInt8
            switch digit {
            case 0x30...0x39: value = digit - 0x30
            case 0x41...0x46: value = digit - 0x41 + 10
            case 0x61...0x66: value = digit - 0x61 + 10
            default: return nil
            }
            if let first = high {
                append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
    }

    /// Where UTF-8 ends to be UTF-8.
    var firstInvalidPosition: Position {
        var position = Position.start
        var decoder = UTF8()
        var iterator = makeIterator()
        while case .scalarValue(let scalar) = decoder.decode(&iterator) {
            position =
                scalar == "\n"
                ? Position(line: position.line + 1, column: 1)
                : Position(line: position.line, column: position.column + 1)
        }
        return position
    }
}

extension String {
    func relative(toFolderOf file: String) -> String {
        guard !hasPrefix("/"), !hasPrefix(ConfigFile.credentials), let slash = file.utf8.lastIndex(of: 0x2F) else {
            return self
        }
        return file[...slash] + self
    }
}

extension UInt32 {
    /// As `chmod` takes it.
    var octal: String { "0" + String(self, radix: 8) }
}
