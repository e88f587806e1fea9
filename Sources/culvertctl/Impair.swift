// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// Orders faults, for tests; a daemon takes them only if it was started for it.
struct Impair: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make something go wrong, in a culvertd that runs with --allow-impair.",
        shouldDisplay: false,
        subcommands: [
            Drop.self, Double.self, Corrupt.self, Delay.self, Fail.self, LoseNotices.self, StopTimers.self,
            List.self, Clear.self,
        ]
    )

    /// Which message, and which of them.
    struct MessageOptions: ParsableArguments {
        @Argument(help: "What: main-mode, sccrq, data, echo-request; the daemon knows the list.")
        var kind: String

        @Argument(help: "in or out.")
        var direction: String

        @OptionGroup var selection: SelectionOptions
        @OptionGroup var options: CommonOptions

        func request(_ treatment: String, milliseconds: Int? = nil) -> ImpairRequest {
            var request = ImpairRequest(
                message: kind,
                direction: direction,
                treatment: treatment,
                milliseconds: milliseconds
            )
            selection.fill(&request)
            return request
        }
    }

    /// Without any: the next one.
    struct SelectionOptions: ParsableArguments {
        @Option(help: "The N-th from now on.")
        var nth: UInt64?

        @Flag(help: "Every one from now on.")
        var every = false

        @Option(help: "So many of a hundred.")
        var percent: UInt8?

        func validate() throws {
            guard (nth == nil ? 0 : 1) + (every ? 1 : 0) + (percent == nil ? 0 : 1) <= 1 else {
                throw ValidationError("Choose by one of --nth, --every and --percent.")
            }
        }

        func fill(_ request: inout ImpairRequest) {
            request.nth = nth
            request.every = every ? true : nil
            request.percent = percent
        }
    }

    struct Drop: ImpairCommand {
        @OptionGroup var message: MessageOptions
        var options: CommonOptions { message.options }
        var request: ImpairRequest { message.request("drop") }
    }

    struct Double: ImpairCommand {
        @OptionGroup var message: MessageOptions
        var options: CommonOptions { message.options }
        var request: ImpairRequest { message.request("double") }
    }

    struct Corrupt: ImpairCommand {
        @OptionGroup var message: MessageOptions
        var options: CommonOptions { message.options }
        var request: ImpairRequest { message.request("corrupt") }
    }

    struct Delay: ImpairCommand {
        @Argument(help: "A number and ms or s.")
        var duration: String

        @OptionGroup var message: MessageOptions

        func validate() throws {
            guard milliseconds != nil else { throw ValidationError("A duration is a number and ms or s, as in 500ms.") }
        }

        var milliseconds: Int? {
            if duration.hasSuffix("ms") { return Int(duration.dropLast(2)) }
            guard duration.hasSuffix("s"), let seconds = Int(duration.dropLast()), (0...600).contains(seconds) else {
                return nil
            }
            return seconds * 1_000
        }

        var options: CommonOptions { message.options }
        var request: ImpairRequest { message.request("delay", milliseconds: milliseconds) }
    }

    struct Fail: ImpairCommand {
        @Argument(help: "Which request to the kernel: install-inbound, create-session; the daemon knows the list.")
        var kind: String

        @Argument(help: "ENOMEM, or a number.")
        var errno: String

        @OptionGroup var selection: SelectionOptions
        @OptionGroup var options: CommonOptions

        var request: ImpairRequest {
            var request = ImpairRequest(request: kind, errno: errno)
            selection.fill(&request)
            return request
        }
    }

    struct LoseNotices: ImpairCommand {
        @OptionGroup var options: CommonOptions
        var request: ImpairRequest { ImpairRequest(loseNotices: true) }
    }

    struct StopTimers: ImpairCommand {
        @Argument(help: "ike, l2tp, ppp; none of them lets every timer run again.")
        var layers: [String] = []

        @OptionGroup var options: CommonOptions
        var request: ImpairRequest { ImpairRequest(stopTimers: layers) }
    }

    struct List: ParsableCommand {
        @OptionGroup var options: CommonOptions

        func run() throws {
            let list: ImpairmentList = try options.client.get("/v1/impair")
            try options.print(list, render)
        }
    }

    struct Clear: ParsableCommand {
        @OptionGroup var options: CommonOptions

        func run() throws {
            let list: ImpairmentList = try options.client.delete("/v1/impair")
            try options.print(list, render)
        }
    }
}

/// One that orders something.
protocol ImpairCommand: ParsableCommand {
    var options: CommonOptions { get }
    var request: ImpairRequest { get throws }
}

extension ImpairCommand {
    func run() throws {
        let list: ImpairmentList = try options.client.post("/v1/impair", try request)
        try options.print(list, render)
    }
}
