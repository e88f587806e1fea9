// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ControlPlane
import Glibc
import Primitives

struct Sessions: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the calls.",
        discussion: """
            What is given to choose calls must all be true of them. In names, * stands for any characters and ? for one.
            A table fits the terminal: the least important columns go first; what is piped is as wide as it is. \
            --columns help tells what columns there are, --json prints everything known of the calls chosen.
            """
    )

    @OptionGroup var options: CommonOptions

    @Flag(help: "Peers that have not proved who they are, too.")
    var all = false

    @Option(help: ArgumentHelp("The columns, left to right; all, or help for a list.", valueName: "column,…"))
    var columns: ColumnList?

    @Option(help: ArgumentHelp("Order by this column; numbers come largest first.", valueName: "column"))
    var sort: SessionColumn = .age

    @Flag(help: "The other way round.")
    var reverse = false

    @Option(help: "Of this user; a pattern.")
    var user: String?

    @Option(help: "From this outer address, or block of addresses.")
    var peer: IPPrefix?

    @Option(help: "With this inner address, or one of this block.")
    var address: IPPrefix?

    @Option(help: "On this interface; a pattern.")
    var interface: String?

    @Option(help: "Of this kind of client; a pattern.")
    var client: String?

    @Option(help: "In this state: keying, keyed, tunnel, negotiating, up or closing; a pattern.")
    var state: String?

    @Option(help: "Under this profile of the configuration; a pattern.")
    var profile: String?

    @Option(help: "With this trace id; a pattern.")
    var trace: String?

    @Flag(help: "Leave titles and sums out: one line for each call.")
    var noHeader = false

    @Option(
        defaultAsFlag: 2,
        help: ArgumentHelp(
            "Show it again and again, every so many seconds (2, if no number is given).",
            valueName: "seconds"
        )
    )
    var watch: Double?

    func validate() throws {
        if let watch, !(0.1...86_400).contains(watch) {
            throw ValidationError("--watch takes 0.1 to 86400 seconds.")
        }
        if let state, !CallSnapshot.states.contains(where: Glob(state).matches) {
            throw ValidationError("No call has such a state: \(CallSnapshot.states.joined(separator: ", ")).")
        }
    }

    var filter: SessionFilter {
        SessionFilter(
            user: user.map(Glob.init),
            trace: trace.map { Glob($0.lowercased()) },
            interface: interface.map(Glob.init),
            client: client.map(Glob.init),
            profile: profile.map(Glob.init),
            state: state.map(Glob.init),
            peer: peer,
            address: address
        )
    }

    func run() throws {
        if case .explanation = columns {
            Main.write(ColumnList.help, to: STDOUT_FILENO)
            return
        }
        guard let watch else {
            Main.write(try picture(on: .current()), to: STDOUT_FILENO)
            return
        }
        try Watch(seconds: watch, isJSON: options.json).run(picture)
    }

    /// What one look at the gateway shows.
    private func picture(on terminal: Terminal) throws(Problem) -> String {
        let list: SessionList = try options.client.get(all ? "/v1/sessions?all" : "/v1/sessions")
        let chosen = list.sessions.filter(filter.matches)
        if options.json {
            let document = CallSnapshot.document(of: sort.sorted(chosen, isReversed: reverse), isOrdered: true)
            return watch == nil ? JSON.text(document) : JSON.line(document)
        }
        return render(
            chosen,
            of: list.sessions.count,
            SessionsLayout(
                columns: columns?.columns ?? SessionColumn.usual,
                sort: sort,
                isReversed: reverse,
                hasHeader: !noHeader,
                width: terminal.width,
                height: watch == nil ? nil : terminal.height
            )
        )
    }
}

/// What `--columns` takes.
enum ColumnList: ExpressibleByArgument, Hashable {
    case explanation
    case columns([SessionColumn])

    init?(argument: String) {
        switch argument {
        case "help": self = .explanation
        case "all": self = .columns(SessionColumn.allCases)
        case _:
            let names = argument.split(separator: ",", omittingEmptySubsequences: false)
            let columns = names.compactMap { SessionColumn(rawValue: $0.lowercased()) }
            guard columns.count == names.count else { return nil }
            self = .columns(columns)
        }
    }

    var columns: [SessionColumn] {
        switch self {
        case .explanation: []
        case .columns(let columns): columns
        }
    }

    static var allValueStrings: [String] { SessionColumn.allCases.map(\.rawValue) + ["all", "help"] }

    /// Every column and what it tells; a star before those that are shown if nobody chooses.
    static var help: String {
        SessionColumn.allCases.map { column in
            "\(SessionColumn.usual.contains(column) ? "*" : " ") \(column.rawValue.padded(to: 12))\(column.meaning)\n"
        }.joined()
    }
}

extension SessionColumn: ExpressibleByArgument {}

extension IPPrefix: ExpressibleByArgument {
    package init?(argument: String) {
        self.init(argument)
    }
}
