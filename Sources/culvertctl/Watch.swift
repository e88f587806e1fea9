// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Shows something again and again, until Ctrl-C: on a terminal in place, else one after the other.
struct Watch {
    var seconds: Double
    /// Of JSON nothing but the documents is written.
    var isJSON = false

    /// A culvertd that goes away is waited for; one that was never there is a failure.
    func run(_ picture: (Terminal) throws(Problem) -> String) throws(Problem) {
        signal(SIGINT) { _ in _exit(0) }
        var screen = Screen(isJSON: isJSON)
        var wasThere = false
        while true {
            let terminal = isJSON ? Terminal(isTerminal: false) : Terminal.current()
            do throws(Problem) {
                let text = try picture(terminal)
                Main.write(screen.show(text, on: terminal), to: STDOUT_FILENO)
                wasThere = true
            } catch {
                guard wasThere else { throw error }
                let words = screen.lose(error, on: terminal)
                Main.write(words.text, to: words.isOutput ? STDOUT_FILENO : STDERR_FILENO)
            }
            Self.sleep(seconds)
        }
    }

    private static func sleep(_ seconds: Double) {
        var rest = timespec(tv_sec: Int(seconds), tv_nsec: Int(seconds.truncatingRemainder(dividingBy: 1) * 1e9))
        var left = timespec()
        while nanosleep(&rest, &left) != 0, errno == EINTR { rest = left }
    }
}

/// What is written where, one picture after the other.
struct Screen {
    var isJSON: Bool
    private var isLost = false
    private var isFirst = true

    init(isJSON: Bool = false) {
        self.isJSON = isJSON
    }

    private static let clear = "\u{1B}[H\u{1B}[2J"

    mutating func show(_ text: String, on terminal: Terminal) -> String {
        defer { (isLost, isFirst) = (false, false) }
        let text = isLost && !isJSON ? "culvertd is there again\n\n" + text : text
        if terminal.isTerminal { return Self.clear + text }
        return isFirst || isJSON ? text : "\n" + text
    }

    /// Said once; then in silence it is tried again.
    mutating func lose(_ problem: Problem, on terminal: Terminal) -> (text: String, isOutput: Bool) {
        defer { isLost = true }
        guard !isLost else { return ("", true) }
        let text = problem.text + "  trying again until it is there\n"
        return terminal.isTerminal ? (Self.clear + text, true) : (text, false)
    }
}
