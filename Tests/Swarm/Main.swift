// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Runtime

@main
struct Main {
    static func main() {
        do {
            let options = try Options(CommandLine.arguments.dropFirst())
            // Blocked before any thread is started.
            let signals = try Signals()
            _ = culvert_raise_file_limit(1 << 20)
            if options.flood > 0 {
                try Flood(options).run()
            } else {
                try Swarm(options, signals: signals).run()
            }
        } catch let problem as Options.Problem {
            tell("culvert-swarm: \(problem.text)\n\(Options.usage)", descriptor: 2)
            exit(2)
        } catch {
            tell("culvert-swarm: \(error)", descriptor: 2)
            exit(1)
        }
    }
}

/// A line, at once.
func tell(_ line: String, descriptor: Int32 = 1) {
    let bytes = Array((line + "\n").utf8)
    _ = culvert_write(descriptor, bytes, UInt64(bytes.count))
}
