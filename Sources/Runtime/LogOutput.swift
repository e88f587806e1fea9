// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// Where log lines go: a descriptor, standard error as a rule, a file or the journal. A reader that does not read costs
/// lines, never time.
package struct LogOutput: Sendable {
    private enum Target: Sendable {
        case descriptor(Int32)
        case file(AppendedFile)
        case journal(JournalSocket)
    }

    private let target: Target
    /// What a stream socket took only a part of.
    private var remainder: ArraySlice<UInt8> = []
    /// Lines lost since the last one that was written.
    package private(set) var lost: UInt64 = 0

    /// - Parameter descriptor: Open as long as this lives; its flags stay as they are, since others share them.
    package init(descriptor: Int32 = 2) {
        target = .descriptor(descriptor)
    }

    package init(_ file: AppendedFile) {
        target = .file(file)
    }

    package init(_ journal: JournalSocket) {
        target = .journal(journal)
    }

    /// Whether it takes entries of the journal, and no lines.
    package var isJournal: Bool { if case .journal = target { true } else { false } }

    /// If it is one.
    var file: AppendedFile? { if case .file(let file) = target { file } else { nil } }

    /// - Parameter line: With its line feed; an entry if ``isJournal``.
    /// - Returns: Whether the line was written, or will be.
    package mutating func write(_ line: [UInt8]) -> Bool {
        let isWritten =
            switch target {
            case .descriptor(let descriptor): write(line, to: descriptor)
            case .file(let file): file.write(line)
            case .journal(let journal): journal.send(line)
            }
        lost = isWritten ? 0 : lost + 1
        return isWritten
    }

    private mutating func write(_ line: [UInt8], to descriptor: Int32) -> Bool {
        guard flush(to: descriptor) else { return false }
        let written = Self.writeNow(line[...], to: descriptor)
        guard written > 0 else { return false }
        remainder = line[written...]
        return true
    }

    /// Writes what a line before had to leave behind.
    private mutating func flush(to descriptor: Int32) -> Bool {
        guard !remainder.isEmpty else { return true }
        remainder = remainder.dropFirst(Self.writeNow(remainder, to: descriptor))
        return remainder.isEmpty
    }

    private static func writeNow(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int {
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            return max(0, culvert_write_now(descriptor, base, buffer.count))
        }
    }
}
