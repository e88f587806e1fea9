// SPDX-License-Identifier: Apache-2.0
import Glibc

/// libFuzzer's own main, as a function.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Chosen once, before the first input.
nonisolated(unsafe) private var chosen: any FuzzTarget.Type = ISAKMP.self

private func feed(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    chosen.run(Script(Array(UnsafeBufferPointer(start: start, count: count))))
    return 0
}

/// `culvert-fuzz TARGET [libFuzzer's arguments]`, `culvert-fuzz seeds FOLDER`, `culvert-fuzz list`. (SwiftPM gives the
/// main of an executable this name.)
@_cdecl("culvert_fuzz_main")
func start(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    let words = (0..<Int(count)).map { arguments[$0].map { String(cString: $0) } ?? "" }
    switch words.dropFirst().first {
    case "list":
        for target in allTargets { print(target.name) }
        return 0
    case "seeds":
        for target in allTargets {
            let folder = "\(words.last ?? ".")/\(target.name)"
            mkdir(folder, 0o755)
            for (name, bytes) in target.seeds() { save(bytes, to: "\(folder)/\(name)") }
        }
        return 0
    case let name?:
        guard let target = allTargets.first(where: { $0.name == name }) else { fallthrough }
        chosen = target
        // libFuzzer sees the program's name and then its own arguments.
        arguments[1] = arguments[0]
        var count = count - 1
        atexit {
            let line = Array("packets: \(Tally.packets)\n".utf8)
            _ = write(STDERR_FILENO, line, line.count)
        }
        var rest: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments + 1
        return runDriver(&count, &rest, feed)
    case nil:
        print("culvert-fuzz list | seeds FOLDER | TARGET [libFuzzer's arguments]")
        return 2
    }
}

private func save(_ bytes: [UInt8], to path: String) {
    guard let file = fopen(path, "w") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
}
