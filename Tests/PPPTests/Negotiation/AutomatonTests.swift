// SPDX-License-Identifier: Apache-2.0
import PPP
import Testing

struct AutomatonTests {
    /// RFC 1661 §4.1, as it stands there.
    private static let lower = """
         Up   |    2     irc,scr/6     -         -         -         -
         Down |    -         -         0       tls/1       0         1
         Open |  tls/1       1     irc,scr/6     3r        5r        5r
         Close|    0       tlf/0       2         2         4         4
          TO+ |    -         -         -         -       str/4     str/5
          TO- |    -         -         -         -       tlf/2     tlf/3
         RCR+ |    -         -       sta/2 irc,scr,sca/8   4         5
         RCR- |    -         -       sta/2 irc,scr,scn/6   4         5
         RCA  |    -         -       sta/2     sta/3       4         5
         RCN  |    -         -       sta/2     sta/3       4         5
         RTR  |    -         -       sta/2     sta/3     sta/4     sta/5
         RTA  |    -         -         2         3       tlf/2     tlf/3
         RUC  |    -         -       scj/2     scj/3     scj/4     scj/5
         RXJ+ |    -         -         2         3         4         5
         RXJ- |    -         -       tlf/2     tlf/3     tlf/2     tlf/3
         RXR  |    -         -         2         3         4         5
        """
    private static let upper = """
         Up   |    -         -         -           -
         Down |    1         1         1         tld/1
         Open |    6         7         8           9r
         Close|irc,str/4 irc,str/4 irc,str/4 tld,irc,str/4
          TO+ |  scr/6     scr/6     scr/8         -
          TO- |  tlf/3p    tlf/3p    tlf/3p        -
         RCR+ |  sca/8   sca,tlu/9   sca/8   tld,scr,sca/8
         RCR- |  scn/6     scn/7     scn/6   tld,scr,scn/6
         RCA  |  irc/7     scr/6x  irc,tlu/9   tld,scr/6x
         RCN  |irc,scr/6   scr/6x  irc,scr/8   tld,scr/6x
         RTR  |  sta/6     sta/6     sta/6   tld,zrc,sta/5
         RTA  |    6         6         8       tld,scr/6
         RUC  |  scj/6     scj/7     scj/8       scj/9
         RXJ+ |    6         6         8           9
         RXJ- |  tlf/3     tlf/3     tlf/3   tld,irc,str/5
         RXR  |    6         7         8         ser/9
        """

    private static let actions: [String: Automaton.Actions] = [
        "tlu": .thisLayerUp, "tld": .thisLayerDown, "tls": .thisLayerStarted, "tlf": .thisLayerFinished,
        "irc": .initializeRestartCount, "zrc": .zeroRestartCount, "scr": .sendConfigureRequest,
        "sca": .sendConfigureAck, "scn": .sendConfigureNak, "str": .sendTerminateRequest,
        "sta": .sendTerminateAck, "scj": .sendCodeReject, "ser": .sendEchoReply,
    ]

    struct Cell {
        var state: Automaton.State
        var event: Automaton.Event
        /// `nil` where the table has a dash.
        var outcome: (actions: Automaton.Actions, next: Automaton.State)?
    }

    static func cells() -> [Cell] {
        var cells: [Cell] = []
        for (table, firstState) in [(lower, 0), (upper, 6)] {
            for row in table.split(separator: "\n") {
                let halves = row.split(separator: "|")
                let event = Automaton.Event(rawValue: halves[0].filter { $0 != " " })!
                for (column, text) in halves[1].split(separator: " ").enumerated() {
                    let state = Automaton.State(rawValue: UInt8(firstState + column))!
                    cells.append(Cell(state: state, event: event, outcome: outcome(text)))
                }
            }
        }
        return cells
    }

    private static func outcome(_ text: Substring) -> (Automaton.Actions, Automaton.State)? {
        guard text != "-" else { return nil }
        let parts = text.split(separator: "/")
        let names = parts.count == 2 ? parts[0].split(separator: ",") : []
        let next = Automaton.State(rawValue: UInt8(parts.last!.filter(\.isNumber))!)!
        return (names.reduce(into: []) { $0.formUnion(actions[String($1)]!) }, next)
    }

    @Test func isTheTableOfTheRFC() {
        let cells = Self.cells()
        #expect(cells.count == 160)
        for cell in cells {
            var automaton = Automaton(state: cell.state)
            let actions = automaton.handle(cell.event)
            let place: Comment = "\(cell.state) + \(cell.event.rawValue)"
            #expect(actions == cell.outcome?.actions, place)
            #expect(automaton.state == cell.outcome?.next ?? cell.state, place)
        }
    }

    /// RFC 1661 §4.1: "The states in which the Restart timer is running are identifiable by the presence of TO events."
    @Test func restartTimerRunsWhereTheTableHasTimeouts() {
        for cell in Self.cells() where cell.event == .timeout {
            #expect(Automaton(state: cell.state).isTimed == (cell.outcome != nil))
        }
    }
}
