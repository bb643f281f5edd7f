/**
 * The expert advisor against a simulated broker, clock and signal files, one scenario after another. Prints
 * `ok <scenario>` or `FAILED <scenario>: <what>` for each. Arguments: folder, then a part of the names of scenarios, or
 * `days <first seed> <last seed> <minutes>`, or `tester <ticks> [InpName=value ...]`.
 */
#include "days.h"
#include "tester.h"

static void bothLegs(bool hedging) {
  world(hedging);
  CHECK(start());
  publish(enter(1));
  CHECK(run(1000));
  // 10,000 · 9 / 1.8 = 50,000 USD: 0.45 lots of EURUSD, cut to 0.3 by the cap; 0.3 · 110,005 · 0.8 / 125,005 = 0.21.
  EQUAL(net("EURUSD.m"), 0.3);
  EQUAL(net("GBPUSD.m"), -0.21);
  EQUAL(terminal().ordersSent, 2);
  publish(inside(1));
  // A netting account closes nothing before the terminal is in sync.
  CHECK(run(11000));
  EQUAL(terminal().ordersSent, 2);
  terminal().symbols["EURUSD.m"].bid = 1.1011;
  terminal().symbols["EURUSD.m"].ask = 1.1012;
  publish(leave(1));
  CHECK(run(1000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(terminal().ordersSent, 4);
  EQUAL(counted("\"kind\":\"open\""), 2);
  EQUAL(counted("\"kind\":\"close\""), 2);
  // 0.3 lots from 1.1001 to 1.1011.
  EQUAL(counted("\"leg\":\"A\",\"symbol\":\"EURUSD\",\"broker_symbol\":\"EURUSD.m\",\"side\":\"SELL\""), 1);
  EQUAL(counted("\"pnl\":30,\"currency\":\"USD\""), 1);
}

static void sameSide() {
  world(true);
  CHECK(start());
  publish(enter(1, -1, -0.5));
  CHECK(run(1000));
  EQUAL(net("EURUSD.m"), -0.3);
  EQUAL(net("GBPUSD.m"), -0.13);
}

static void secondLegFails() {
  world(true);
  terminal().broker = [](const MqlTradeRequest &request, double &) { return request.symbol == "GBPUSD.m" ? (uint)TRADE_RETCODE_NO_MONEY : 0u; };
  CHECK(start());
  publish(enter(1));
  CHECK(run(2000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(terminal().ordersSent, 3);
  EQUAL(counted("RETCODE_10019"), 1);
  EQUAL(counted("\"reason\":\"LEG_FAILED\""), 1);
  publish(inside(1));
  CHECK(run(2000));
  EQUAL(terminal().ordersSent, 3);
  terminal().broker = nullptr;
  publish(enter(2));
  CHECK(run(2000));
  EQUAL(PositionsTotal(), 2);
}

static void requotes() {
  world(true);
  int asked = 0;
  terminal().broker = [&](const MqlTradeRequest &, double &) { return ++asked <= 2 ? (uint)TRADE_RETCODE_REQUOTE : 0u; };
  CHECK(start());
  publish(enter(1));
  CHECK(run(3000));
  EQUAL(PositionsTotal(), 2);
  asked = -100;
  terminal().broker = [&](const MqlTradeRequest &, double &) { return (uint)TRADE_RETCODE_REQUOTE; };
  publish(leave(1));
  CHECK(run(3000));
  publish(enter(2));
  CHECK(run(3000));
  EQUAL(PositionsTotal(), 2);
  terminal().broker = nullptr;
  CHECK(run(3000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(refusals(2, "STILL_CLOSING"), 1);
}

static void marketClosed() {
  world(true);
  CHECK(start());
  publish(enter(1));
  CHECK(run(1000));
  terminal().broker = [](const MqlTradeRequest &, double &) { return (uint)TRADE_RETCODE_MARKET_CLOSED; };
  publish(leave(1));
  CHECK(run(60000, 1000));
  EQUAL(PositionsTotal(), 2);
  CHECK(terminal().ordersSent < 2 + 2 * 61);
  terminal().broker = nullptr;
  CHECK(run(60000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"kind\":\"close\""), 2);
}

static void sharedSymbol(bool hedging) {
  world(hedging);
  CHECK(start());
  publish(enter(1, 1, 0.8, "EURUSD_GBPUSD"));
  CHECK(run(1000));
  publish(enter(2, -1, -0.5, "EURUSD_USDCHF"));
  CHECK(run(1000));
  EQUAL(net("EURUSD.m"), 0);
  EQUAL(net("GBPUSD.m"), -0.21);
  double chf = net("USDCHF.m");
  CHECK(chf < 0);
  publish(leave(1, "EURUSD_GBPUSD"));
  CHECK(run(8000));
  EQUAL(net("EURUSD.m"), -0.3);
  EQUAL(net("GBPUSD.m"), 0);
  EQUAL(net("USDCHF.m"), chf);
  publish(leave(2, "EURUSD_USDCHF"));
  CHECK(run(8000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(terminal().ordersSent, 8);
}

static void lostAnswer() {
  world(true);
  CHECK(start());
  terminal().answerLost = true;
  publish(enter(1));
  CHECK(run(250));
  terminal().answerLost = false;
  CHECK(run(5000));
  EQUAL(terminal().ordersSent, 2);
  EQUAL(net("EURUSD.m"), 0.3);
  EQUAL(net("GBPUSD.m"), -0.21);
  EQUAL(counted("\"kind\":\"open\""), 2);
  publish(leave(1));
  terminal().answerLost = true;
  CHECK(run(250));
  terminal().answerLost = false;
  CHECK(run(40000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"kind\":\"close\""), 2);
  EQUAL(terminal().ordersSent, 4);
}

static void neverArrived() {
  world(true);
  CHECK(start());
  terminal().broker = [](const MqlTradeRequest &, double &) { return (uint)TRADE_RETCODE_TIMEOUT; };
  publish(enter(1));
  CHECK(run(20000));
  EQUAL(terminal().ordersSent, 1);
  terminal().broker = nullptr;
  CHECK(run(25000));
  // Not found for 30 s, then sent again while the signal is valid.
  EQUAL(terminal().ordersSent, 3);
  EQUAL(PositionsTotal(), 2);
}

/** Crashes at the n-th order, before or after the broker has it; the restarted program resumes from the files. */
static void crashes() {
  for (int hedging = 0; hedging < 2; hedging++)
    for (int keepsComments = 0; keepsComments < 2; keepsComments++)
      for (int at = 1; at <= 4; at++)
        for (int after = 0; after < 2; after++) {
          world(hedging);
          std::string before = failures;
          bool crashed = false;
          terminal().broker = [&](const MqlTradeRequest &request, double &volume) -> uint {
            if (crashed || terminal().ordersSent != at) return 0;
            crashed = true;
            MqlTradeResult result;
            if (after) shimExecute(request, volume, result);
            if (!keepsComments)
              for (ShimDeal &deal : terminal().deals) deal.comment = "";
            throw Crash();
          };
          CHECK(start());
          publish(enter(1));
          bool alive = run(2000);
          if (at <= 2) CHECK(!alive);
          if (!alive) {
            killAgent();
            CHECK(start());
          }
          CHECK(run(45000, 1000));
          bool isWhole = net("EURUSD.m") == 0.3 && net("GBPUSD.m") == -0.21;
          CHECK(isWhole || PositionsTotal() == 0);
          if (at > 2) CHECK(isWhole);
          publish(leave(1));
          if (!run(2000)) {
            killAgent();
            CHECK(start());
          }
          CHECK(run(45000, 1000));
          EQUAL(PositionsTotal(), 0);
          CHECK(crashed);
          EQUAL(counted("\"kind\":\"open\""), counted("\"kind\":\"close\""));
          // Executed deals equal reported fills.
          EQUAL(counted("\"kind\":\"open\"") + counted("\"kind\":\"close\""), (int)terminal().deals.size());
          if (failures != before) failures += " (order " + std::to_string(at) + (after ? " after" : " before") + (hedging ? " hedging" : " netting") + ")";
        }
}

/**
 * Crashes at the n-th write or rename of a whole trade, before it or in the middle of its bytes; on paper and on an
 * account. @param copies a move is a copy
 */
static void crashesAtFiles(bool copies, bool isRenamed = false) {
  int deaths = 0;
  for (int paper = 0; paper < 2; paper++)
    for (int half = 0; half < 2; half++)
      for (int at = 1;; at++) {
        world(true);
        settings.paper = paper;
        terminal().faults.moveCopies = copies;
        std::string before = failures;
        int operations = 0;
        bool dead = false;
        std::vector<std::string> renamed;
        terminal().beforeFile = [&](int bytes) -> int {
          if (dead) return bytes;
          // In the middle of the bytes of this operation.
          if (bytes < 0) {
            dead = true;
            throw Crash();
          }
          if (++operations != at) return bytes;
          if (half && bytes > 1) return bytes / 2;
          dead = true;
          throw Crash();
        };
        auto live = [&](long ms, long stepMs) {
          while (!run(ms, stepMs)) {
            deaths++;
            killAgent();
            std::string path = terminal().commonFolder + "/minutehand/ea/1_" + (paper ? "paper" : "trade") + "/result.json";
            if (isRenamed) {
              renamed = results();
              rename(path.c_str(), (path + ".1").c_str());
            }
            CHECK(start());
          }
        };
        CHECK(start());
        publish(enter(1));
        live(2000, 250);
        live(45000, 1000);
        publish(leave(1));
        live(2000, 250);
        live(45000, 1000);
        EQUAL(PositionsTotal(), 0);
        std::map<std::string, int> tickets;
        int whole = 0;
        std::vector<std::string> all = renamed;
        for (const std::string &line : results()) all.push_back(line);
        for (const std::string &line : all) {
          if (line.empty() || line.back() != '}' || line.find("refused") != std::string::npos) continue;
          // A truncated line takes a line of its own.
          CHECK(line.find("\"schema\"") == line.rfind("\"schema\""));
          whole++;
          tickets[ticketOf(line)]++;
        }
        EQUAL((int)tickets.size(), whole);
        if (!paper) EQUAL(whole, (int)terminal().deals.size());
        CHECK(whole == 4 || whole == 0 || (!paper && whole == 2));
        if (failures != before) {
          failures += " (operation " + std::to_string(at) + (half ? " half" : "") + (paper ? " paper)" : ")");
          return;
        }
        if (!dead) break;
      }
  CHECK(deaths > 40);
}

/**
 * result.json cannot be written while a close is filled in part and the answer to the next close is lost: no deal is
 * booked twice.
 */
static void unwritableResultAndUnsureOrder(bool hedging) {
  world(hedging);
  CHECK(start());
  publish(enter(1));
  CHECK(run(1000));
  std::string path = terminal().commonFolder + "/minutehand/ea/1_trade/result.json";
  CHECK(rename(path.c_str(), (path + ".aside").c_str()) == 0);
  CHECK(mkdir(path.c_str(), 0755) == 0);
  int closes = 0;
  terminal().broker = [&](const MqlTradeRequest &request, double &volume) -> uint {
    if (request.symbol != "EURUSD.m") return 0;
    closes++;
    if (closes == 1) volume = 0.1;
    return closes == 2 ? (uint)TRADE_RETCODE_TIMEOUT : 0u;
  };
  publish(leave(1));
  CHECK(run(60000, 1000));
  CHECK(closes >= 3);
  EQUAL(PositionsTotal(), 0);
  CHECK(rmdir(path.c_str()) == 0);
  CHECK(rename((path + ".aside").c_str(), path.c_str()) == 0);
  CHECK(run(5000));
  std::map<std::string, int> reported;
  for (const std::string &line : results()) reported[ticketOf(line)]++;
  EQUAL((int)reported.size(), (int)terminal().deals.size());
  for (ShimDeal &deal : terminal().deals) EQUAL(reported[std::to_string(deal.ticket)], 1);
}

/**
 * A full result.json is renamed before the next lines, and no deal is booked twice by a program that is killed just
 * after that, or whose rename fails.
 */
static void fullResult(bool isHeld) {
  world(true);
  std::string folder = terminal().commonFolder + "/minutehand/ea/1_trade", path = folder + "/result.json";
  for (const char *part : {"/minutehand", "/minutehand/ea", "/minutehand/ea/1_trade"}) mkdir((terminal().commonFolder + part).c_str(), 0755);
  std::string line = "{\"ticket\":1,\"padding\":\"" + std::string(400, 'x') + "\"}\n", all;
  while (all.size() + line.size() <= MH_LINES_LIMIT) all += line;
  std::ofstream(path) << all;
  if (isHeld) CHECK(mkdir((path + ".1").c_str(), 0755) == 0);
  CHECK(start());
  publish(enter(1));
  CHECK(run(10000));
  EQUAL((int)terminal().deals.size(), 2);
  struct stat about;
  CHECK(stat((path + ".1").c_str(), &about) == 0);
  if (!isHeld) {
    EQUAL((size_t)about.st_size, all.size());
    EQUAL((int)results().size(), 2);
  }
  killAgent();
  CHECK(start());
  publish(leave(1));
  CHECK(run(10000));
  EQUAL(PositionsTotal(), 0);
  std::map<std::string, int> reported;
  for (const std::string &one : results()) reported[ticketOf(one)]++;
  for (ShimDeal &deal : terminal().deals) EQUAL(reported[std::to_string(deal.ticket)], 1);
}

static void closedByHand() {
  world(true);
  CHECK(start());
  publish(enter(1));
  CHECK(run(10000));
  byHand("EURUSD.m", -0.3, terminal().positions[0].ticket);
  CHECK(run(10000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"reason\":\"EXTERNAL\""), 2);
  publish(inside(1));
  CHECK(run(2000));
  EQUAL(PositionsTotal(), 0);
}

/** Closed by hand while the program cannot close it: it must not open the opposite position. */
static void closedByHandMeanwhile(bool hedging) {
  world(hedging);
  CHECK(start());
  publish(enter(1));
  CHECK(run(10000));
  terminal().broker = [](const MqlTradeRequest &, double &) { return (uint)TRADE_RETCODE_MARKET_CLOSED; };
  publish(leave(1));
  CHECK(run(5000));
  EQUAL(PositionsTotal(), 2);
  terminal().broker = nullptr;
  byHand("EURUSD.m", -0.3, terminal().positions[0].ticket);
  byHand("GBPUSD.m", 0.21, terminal().positions[0].ticket);
  CHECK(run(20000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"kind\":\"close\""), 2);
}

/**
 * Two pairs hold EURUSD on a netting account and part of it is closed by hand: nothing is opened or reversed, and both
 * continue to trade.
 */
static void sharedSymbolByHand(int sideOfSecond, double share) {
  world(false);
  CHECK(start());
  publish(enter(1, 1, 0.8, "EURUSD_GBPUSD"));
  CHECK(run(1000));
  SignalFields second = enter(2, sideOfSecond, 0.8, "EURUSD_USDCHF");
  second.scale = 0.4;
  publish(second);
  CHECK(run(8000));
  double held = net("EURUSD.m"), lowest = held, highest = held;
  EQUAL(held, sideOfSecond > 0 ? 0.48 : 0.12);
  auto watch = [&](long ms) {
    for (long end = nowMs + ms; nowMs < end;) {
      CHECK(run(250));
      lowest = std::min(lowest, net("EURUSD.m"));
      highest = std::max(highest, net("EURUSD.m"));
    }
  };
  byHand("EURUSD.m", -std::round(held * share * 100) / 100);
  watch(20000);
  CHECK(counted("\"reason\":\"EXTERNAL\"") >= 3);
  // When all was closed, both pairs end. The remainder belongs to the first pair, up to what it held.
  EQUAL(PositionsTotal(), share < 0.5 && sideOfSecond > 0 ? 2 : 0);
  publish(leave(1, "EURUSD_GBPUSD"));
  publish(leave(2, "EURUSD_USDCHF"));
  watch(20000);
  EQUAL(PositionsTotal(), 0);
  EQUAL(lowest, 0);
  EQUAL(highest, held);
  double opened = 0, closed = 0;
  for (const std::string &line : results()) {
    double lots = atof(line.substr(line.find("\"lots\":") + 7).c_str());
    (line.find("\"kind\":\"open\"") == std::string::npos ? closed : opened) += lots;
  }
  CHECK(std::fabs(opened - closed) < 1e-9);
  publish(enter(3, 1, 0.8, "EURUSD_GBPUSD"));
  CHECK(run(20000));
  EQUAL(net("EURUSD.m"), 0.3);
  EQUAL(net("GBPUSD.m"), -0.21);
}

/** The exit signal arrives before the program can notice. */
static void sharedSymbolByHandAtOnce() {
  world(false);
  CHECK(start());
  publish(enter(1, 1, 0.8, "EURUSD_GBPUSD"));
  CHECK(run(1000));
  publish(enter(2, 1, 0.8, "EURUSD_USDCHF"));
  CHECK(run(500));
  byHand("EURUSD.m", -0.6);
  publish(leave(1, "EURUSD_GBPUSD"));
  publish(leave(2, "EURUSD_USDCHF"));
  double lowest = 0;
  for (int i = 0; i < 60; i++) {
    CHECK(run(500));
    lowest = std::min(lowest, net("EURUSD.m"));
  }
  EQUAL(lowest, 0);
  EQUAL(PositionsTotal(), 0);
}

/** A position of the user in the same symbol is neither changed nor counted as this program's loss. */
static void besideAPositionOfTheUser() {
  for (double own : {-0.5, 0.5}) {
    world(false);
    byHand("EURUSD.m", own);
    nowMs += 60000;
    CHECK(start());
    publish(enter(1));
    CHECK(run(20000));
    EQUAL(counted("\"kind\":\"close\""), 0);
    publish(leave(1));
    CHECK(run(20000));
    EQUAL(net("EURUSD.m"), own);
    EQUAL(net("GBPUSD.m"), 0);
    EQUAL(counted("\"reason\":\"EXTERNAL\""), 0);
  }
}

/** While the terminal is disconnected, or has just connected, its list of positions may be empty. */
static void noConnection(bool hedging) {
  world(hedging);
  CHECK(start());
  publish(enter(1));
  CHECK(run(20000));
  std::vector<ShimPosition> positions = terminal().positions;
  std::vector<ShimDeal> deals = terminal().deals;
  terminal().connected = false;
  terminal().positions.clear();
  terminal().deals.clear();
  CHECK(run(60000));
  killAgent();
  CHECK(start());
  CHECK(run(5000));
  terminal().connected = true;
  CHECK(run(5000));
  terminal().positions = positions;
  terminal().deals = deals;
  CHECK(run(20000));
  EQUAL(counted("\"kind\":\"close\""), 0);
  publish(leave(1));
  CHECK(run(20000));
  EQUAL(PositionsTotal(), 0);
}

static void partOfItIsGone(bool hedging) {
  world(hedging);
  CHECK(start());
  publish(enter(1));
  CHECK(run(11000));
  byHand("EURUSD.m", -0.2, hedging ? terminal().positions[0].ticket : 0);
  CHECK(run(20000));
  // The remainder of a broken hedge is closed without a signal.
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"reason\":\"EXTERNAL\""), 3);
  EQUAL(counted("\"leg\":\"A\",\"symbol\":\"EURUSD\",\"broker_symbol\":\"EURUSD.m\",\"side\":\"SELL\""), 2);
}

static void sessions() {
  for (std::vector<std::pair<datetime, datetime>> open : {std::vector<std::pair<datetime, datetime>>{}, {{0, 3600}, {37000, 86400}}}) {
    world(true);
    terminal().symbols["GBPUSD.m"].sessions = open;
    CHECK(start());
    publish(enter(1));
    CHECK(run(1000));
    EQUAL(PositionsTotal(), 2);
  }
}

static void caps() {
  auto refusedWith = [](const char *why, std::function<void()> change) {
    world(true);
    change();
    CHECK(start());
    publish(enter(1));
    CHECK(run(1000));
    EQUAL(terminal().ordersSent, 0);
    if (counted(why) != 1) failures += std::string(" not refused with ") + why;
  };
  refusedWith("CAP_SPREAD EURUSD.m", [] { terminal().symbols["EURUSD.m"].ask = 1.102; });
  refusedWith("CAP_DRIFT GBPUSD.m", [] { terminal().symbols["GBPUSD.m"].bid = 1.26, terminal().symbols["GBPUSD.m"].ask = 1.2601; });
  refusedWith("CAP_DRIFT GBPUSD.m", [] { terminal().symbols["GBPUSD.m"].bid = 1.24, terminal().symbols["GBPUSD.m"].ask = 1.2401; });
  refusedWith("CAP_DRIFT EURUSD.m", [] { terminal().symbols["EURUSD.m"].bid = 1.09, terminal().symbols["EURUSD.m"].ask = 1.0901; });
  refusedWith("NO_SYMBOL GBPUSD.m", [] { terminal().symbols.erase("GBPUSD.m"); });
  // 10:30 server time.
  refusedWith("MARKET_CLOSED GBPUSD.m", [] { terminal().symbols["GBPUSD.m"].sessions = {{0, 36000}, {39600, 86400}}; });
  refusedWith("NOT_TRADABLE", [] { terminal().symbols["GBPUSD.m"].tradeMode = SYMBOL_TRADE_MODE_CLOSEONLY; });
  refusedWith("TRADING_NOT_ALLOWED", [] { terminal().tradeAllowed = false; });
  refusedWith("NOT_CONNECTED", [] { terminal().connected = false; });
  refusedWith("SIZE_BELOW_MINIMUM", [] { terminal().equity = 100; });
  refusedWith("\"error\":\"KILL\"", [] {
    mkdir((terminal().commonFolder + "/minutehand").c_str(), 0755);
    std::ofstream(terminal().commonFolder + "/minutehand/KILL") << "";
  });
  world(true);
  settings.maxOpenPairs = 1;
  CHECK(start());
  publish(enter(1, 1, 0.8, "EURUSD_GBPUSD"));
  CHECK(run(1000));
  publish(enter(2, 1, 0.8, "EURUSD_USDCHF"));
  CHECK(run(1000));
  EQUAL(terminal().ordersSent, 2);
  EQUAL(counted("CAP_OPEN_PAIRS"), 1);
}

static void killSwitch() {
  world(true);
  CHECK(start());
  publish(enter(1));
  CHECK(run(1000));
  agent->SwitchKill();
  CHECK(run(2000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"reason\":\"KILL\""), 2);
  killAgent();
  CHECK(start());
  CHECK(agent->IsKilled());
  publish(enter(2));
  CHECK(run(1000));
  EQUAL(PositionsTotal(), 0);
  agent->SwitchKill();
  publish(enter(3));
  CHECK(run(1000));
  EQUAL(PositionsTotal(), 2);
}

static void ownStopAndLoss() {
  world(true);
  CHECK(start());
  publish(enter(1));
  CHECK(run(11000));
  // 0.3 lots lose 120 of 10,000: more than 1 %.
  terminal().symbols["EURUSD.m"].bid = 1.0960;
  terminal().symbols["EURUSD.m"].ask = 1.0961;
  CHECK(run(2000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"reason\":\"OWN_STOP\""), 2);
  // A second such loss would exceed 2 % of the day, but a new day begins at the same time.
  SignalFields again = enter(2);
  again.priceA = 1.09605;
  publish(again);
  CHECK(run(1000));
  EQUAL(PositionsTotal(), 2);
  terminal().symbols["EURUSD.m"].bid = 1.0925;
  terminal().symbols["EURUSD.m"].ask = 1.0926;
  CHECK(run(3000));
  EQUAL(PositionsTotal(), 0);
  SignalFields third = enter(3);
  third.priceA = 1.09255;
  publish(third);
  CHECK(run(2000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"error\":\"DAILY_LOSS\""), 1);
  nowMs += 86400000;
  SignalFields fourth = enter(4);
  fourth.priceA = 1.09255;
  publish(fourth);
  CHECK(run(2000));
  EQUAL(PositionsTotal(), 2);
}

static void dailyLossLasts() {
  world(true);
  settings.stopPercent = 0;
  CHECK(start());
  publish(enter(1));
  CHECK(run(11000));
  EQUAL(PositionsTotal(), 2);
  double bid = terminal().symbols["EURUSD.m"].bid;
  double ask = terminal().symbols["EURUSD.m"].ask;
  // More than 2 % of the day, and no close is accepted until the price has come back.
  terminal().broker = [](const MqlTradeRequest &, double &) { return (uint)TRADE_RETCODE_REQUOTE; };
  terminal().symbols["EURUSD.m"].bid = bid - 0.0085;
  terminal().symbols["EURUSD.m"].ask = ask - 0.0085;
  CHECK(run(3000));
  EQUAL(PositionsTotal(), 2);
  terminal().symbols["EURUSD.m"].bid = bid;
  terminal().symbols["EURUSD.m"].ask = ask;
  terminal().broker = nullptr;
  CHECK(run(5000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"reason\":\"DAILY_LOSS\""), 2);
  // Nothing was lost in the end; the limit applies to the end of the day all the same.
  publish(enter(2));
  CHECK(run(2000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"error\":\"DAILY_LOSS\""), 1);
  nowMs += 86400000;
  publish(enter(3));
  CHECK(run(2000));
  EQUAL(PositionsTotal(), 2);
}

static void haltWhileOpening() {
  world(true);
  terminal().broker = [](const MqlTradeRequest &request, double &) { return request.symbol == "GBPUSD.m" ? (uint)TRADE_RETCODE_REQUOTE : 0u; };
  CHECK(start());
  publish(enter(1));
  CHECK(run(250));
  EQUAL(PositionsTotal(), 1);
  SignalFields halt = inside(1);
  halt.mode = "HALT";
  halt.reason = "NO_MODEL";
  publish(halt);
  CHECK(run(2000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"reason\":\"HALT\""), 1);
}

static void givenUp() {
  world(true);
  terminal().broker = [](const MqlTradeRequest &, double &) { return (uint)TRADE_RETCODE_REQUOTE; };
  CHECK(start());
  publish(enter(1));
  CHECK(run(250));
  publish(leave(1));
  CHECK(run(1000));
  EQUAL(refusals(1, "GIVEN_UP Z_EXIT"), 1);
  publish(enter(2));
  CHECK(run(250));
  SignalFields halt = inside(2);
  halt.mode = "HALT";
  halt.reason = "NO_MODEL";
  publish(halt);
  CHECK(run(1000));
  EQUAL(refusals(2, "GIVEN_UP HALT"), 1);
  publish(enter(3));
  CHECK(run(250));
  // The signal expires while the expert advisor is stopped; afterward it is too late.
  killAgent();
  nowMs += 200000;
  CHECK(start());
  CHECK(run(1000));
  EQUAL(refusals(3, "EXPIRED leg A"), 1);
  EQUAL(counted("\"kind\":\"refused\""), 3);
  EQUAL(PositionsTotal(), 0);
  publish(enter(4));
  CHECK(run(250));
  // Only the second leg may follow late: the first one must not, not even by a second.
  terminal().broker = nullptr;
  terminal().connected = false;
  CHECK(run(151000, 1000));
  EQUAL(refusals(4, "EXPIRED leg A"), 1);
  terminal().connected = true;
  CHECK(run(1000));
  EQUAL(refusals(4, "EXPIRED leg A"), 1);
  EQUAL(counted("\"kind\":\"refused\""), 4);
  EQUAL(PositionsTotal(), 0);
}

static void givenUpByRestart() {
  world(true);
  CHECK(start());
  publish(enter(1));
  CHECK(run(1000));
  EQUAL(PositionsTotal(), 2);
  terminal().broker = [](const MqlTradeRequest &, double &) -> uint { throw Crash(); };
  publish(enter(2, -1));
  CHECK(!run(1000));
  killAgent();
  terminal().broker = nullptr;
  CHECK(start());
  CHECK(run(40000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"kind\":\"close\""), 2);
  EQUAL(refusals(2, "GIVEN_UP RESTART"), 1);
  killAgent();
  CHECK(start());
  CHECK(run(1000));
  EQUAL(counted("\"kind\":\"refused\""), 1);
}

static void silence() {
  world(true);
  CHECK(start());
  publish(enter(1));
  CHECK(run(1000));
  SignalFields halt = inside(1);
  halt.mode = "HALT";
  halt.reason = "SILENCE";
  publish(halt);
  CHECK(run(2000));
  EQUAL(PositionsTotal(), 2);
  CHECK(run(61 * 60000, 5000));
  EQUAL(PositionsTotal(), 2);
  CHECK(run(2 * 60000, 5000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"reason\":\"OWN_MAX_AGE\""), 2);
}

static void simulatedIsNotTraded() {
  world(true);
  CHECK(start());
  SignalFields fields = enter(1);
  fields.market = "simulated";
  publish(fields);
  CHECK(run(2000));
  EQUAL(terminal().ordersSent, 0);
  settings.otherMarkets = true;
  killAgent();
  CHECK(!start());
}

static void paperSendsNothing() {
  world(true);
  settings.paper = true;
  settings.paperSlippageBps = 1;
  CHECK(start());
  publish(enter(1));
  CHECK(run(1000));
  EQUAL(terminal().ordersSent, 0);
  EQUAL(counted("\"kind\":\"open\""), 2);
  // Bought one basis point above the ask.
  EQUAL(counted("\"requested_price\":1.1001,\"filled_price\":1.10021001"), 1);
  EQUAL(counted("\"account\":\"paper\""), 2);
  publish(leave(1));
  CHECK(run(1000));
  EQUAL(counted("\"kind\":\"close\""), 2);
  EQUAL(terminal().ordersSent, 0);
}

static void partlyFilled() {
  world(true);
  terminal().broker = [](const MqlTradeRequest &request, double &volume) {
    if (request.symbol == "EURUSD.m" && request.type == ORDER_TYPE_BUY) volume = 0.1;
    return 0u;
  };
  CHECK(start());
  publish(enter(1));
  CHECK(run(1000));
  EQUAL(net("EURUSD.m"), 0.1);
  EQUAL(net("GBPUSD.m"), -0.07);
  publish(leave(1));
  CHECK(run(2000));
  EQUAL(PositionsTotal(), 0);
  world(true);
  terminal().broker = [](const MqlTradeRequest &request, double &volume) {
    if (request.symbol == "GBPUSD.m" && request.type == ORDER_TYPE_SELL) volume = 0.1;
    return 0u;
  };
  CHECK(start());
  publish(enter(1));
  CHECK(run(2000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("partly filled"), 1);
}

static void lateEnter() {
  world(true);
  publish(enter(1));
  nowMs += 151000;
  CHECK(start());
  CHECK(run(1000));
  EQUAL(terminal().ordersSent, 0);
  publish(inside(1));
  CHECK(run(1000));
  EQUAL(terminal().ordersSent, 0);
}

static void damagedState() {
  world(true);
  CHECK(start());
  publish(enter(1));
  CHECK(run(1000));
  killAgent();
  std::string path = terminal().commonFolder + "/minutehand/ea/1_trade/state_live_EURUSD_GBPUSD.json";
  CHECK(truncate(path.c_str(), 300) == 0);
  CHECK(start());
  publish(enter(2));
  CHECK(run(2000));
  EQUAL(terminal().ordersSent, 2);
  publish(enter(3, 1, 0.8, "EURUSD_USDCHF"));
  CHECK(run(2000));
  EQUAL(terminal().ordersSent, 4);
}

static void oneAtATime() {
  world(true);
  CHECK(start());
  MhAgent second;
  CHECK(second.Start(settings));
  publish(enter(1));
  for (int turn = 0; turn < 20; turn++) nowMs += 250, second.Timer();
  EQUAL(terminal().ordersSent, 0);
  agent->Stop();
  for (int turn = 0; turn < 20; turn++) nowMs += 250, second.Timer();
  EQUAL(terminal().ordersSent, 2);
  second.Stop();
}

static void refusesToStart() {
  world(true);
  settings.pairs = "EURUSD";
  CHECK(!start());
  world(true);
  settings.useFiles = false;
  CHECK(!start());
  world(true);
  settings.risk = 0;
  CHECK(!start());
}

/**
 * A year of faults: lost signals, requotes, refusals, lost answers, partial fills, crashes and restarts, drawn from a
 * seed. Then the faults end: all must be closed, and every deal of the broker must be in result.json once.
 */
static void yearOfFaults() {
  int crashes = 0, deals = 0;
  for (uint32_t seed = 1; seed <= 20; seed++) {
    uint32_t state = seed * 2654435761u;
    auto draw = [&](uint32_t below) {
      state ^= state << 13;
      state ^= state >> 17;
      state ^= state << 5;
      return state % below;
    };
    world(seed % 2);
    terminal().dropsComments = seed % 4 >= 2;
    settings.stopPercent = 0;
    settings.dailyLossPercent = 0;
    std::string before = failures;
    terminal().broker = [&](const MqlTradeRequest &request, double &volume) -> uint {
      uint32_t fault = draw(100);
      MqlTradeResult result;
      bool opens = request.comment.utf8().size() > 3 ? request.comment.utf8()[3] == 'o' : false;
      if (fault < 8) return TRADE_RETCODE_REQUOTE;
      if (fault < 12) return opens ? TRADE_RETCODE_NO_MONEY : TRADE_RETCODE_MARKET_CLOSED;
      if (fault < 16) return TRADE_RETCODE_TIMEOUT;
      if (fault < 20) return shimExecute(request, volume, result), TRADE_RETCODE_TIMEOUT;
      if (fault < 22) throw Crash();
      if (fault < 24) {
        shimExecute(request, volume, result);
        throw Crash();
      }
      if (fault < 30 && volume > 0.02) volume = std::floor(volume / 2 / 0.01) * 0.01;
      return 0;
    };
    CHECK(start());
    const char *pairs[] = {"EURUSD_GBPUSD", "EURUSD_USDCHF"};
    int held[2] = {0, 0}, next = 0;
    for (int step = 0; step < 40; step++) {
      int k = (int)draw(2);
      SignalFields fields = leave(held[k], pairs[k]);
      if (held[k] == 0) {
        held[k] = (int)seed * 1000 + ++next;
        fields = enter(held[k], draw(2) ? 1 : -1, draw(2) ? 0.8 : -0.6, pairs[k]);
      } else if (draw(3) == 0) held[k] = 0;
      else {
        fields = inside(held[k]);
        fields.pair = pairs[k];
        if (draw(8) == 0) fields.mode = "HALT";
      }
      if (draw(5) != 0) publish(fields);
      if (draw(15) == 0) {
        killAgent();
        CHECK(start());
      }
      if (!run((long)draw(8) * 1000 + 250)) {
        crashes++;
        killAgent();
        CHECK(start());
      }
    }
    terminal().broker = nullptr;
    for (const char *pair : pairs) {
      SignalFields fields;
      fields.pair = pair;
      publish(fields);
    }
    CHECK(run(120000, 1000));
    EQUAL(PositionsTotal(), 0);
    std::map<std::string, int> reported;
    for (const std::string &line : results()) reported[ticketOf(line)]++;
    for (ShimDeal &deal : terminal().deals) {
      EQUAL(reported[std::to_string(deal.ticket)], 1);
      deals++;
    }
    if (failures != before) {
      failures += " (seed " + std::to_string(seed) + ")";
      break;
    }
  }
  CHECK(crashes > 8);
  CHECK(deals > 250);
}

/** The chart's side: inputs, timer, panel, button. */
static void chart() {
  world(true);
  InpPairs = "EURUSD_GBPUSD,EURUSD_USDCHF";
  InpSuffix = ".m";
  InpRisk = 1;
  EQUAL((int)OnInit(), (int)INIT_SUCCEEDED);
  SignalFields fields = enter(1);
  publish(fields);
  for (int i = 0; i < 12; i++) {
    nowMs += 250;
    OnTimer();
  }
  settings.paper = true;
  EQUAL(counted("\"kind\":\"open\""), 2);
  CHECK(terminal().labels["minutehand_line0"].find("paper") != std::string::npos);
  CHECK(terminal().labels["minutehand_line7"] == "EURUSD_USDCHF  no signal");
  CHECK(terminal().labels["minutehand_line5"].find("EURUSD_GBPUSD  OK ENTRY") == 0);
  OnChartEvent(CHARTEVENT_OBJECT_CLICK, 0, 0, string("minutehand_kill"));
  for (int i = 0; i < 4; i++) {
    nowMs += 250;
    OnTimer();
  }
  EQUAL(counted("\"reason\":\"KILL\""), 2);
  CHECK(terminal().labels["minutehand_line0"].find("KILLED") != std::string::npos);
  OnChartEvent(CHARTEVENT_OBJECT_CLICK, 0, 0, string("minutehand_kill"));
  CHECK(terminal().labels["minutehand_line0"].find("KILLED") == std::string::npos);
  // The symbol or period of the chart changes: the same object stops and starts.
  OnDeinit(3);
  CHECK(terminal().labels.empty());
  EQUAL((int)OnInit(), (int)INIT_SUCCEEDED);
  publish(enter(2));
  for (int i = 0; i < 12; i++) {
    nowMs += 250;
    OnTimer();
  }
  EQUAL(counted("\"kind\":\"open\""), 4);
  MqlTradeTransaction deal = {};
  deal.type = TRADE_TRANSACTION_DEAL_ADD;
  OnTradeTransaction(deal, MqlTradeRequest(), MqlTradeResult());
  for (auto &label : terminal().labels) CHECK(label.second.size() <= 63);
  OnDeinit(1);
}

int main(int count, char **arguments) {
  root = arguments[1];
  if (count > 5 && std::string(arguments[2]) == "days") {
    runDays(atoi(arguments[3]), atoi(arguments[4]), atoi(arguments[5]));
    return 0;
  }
  if (count > 3 && std::string(arguments[2]) == "tester") {
    std::vector<std::string> rest(arguments + 3, arguments + count);
    rest.insert(rest.begin(), root);
    return runTester(rest);
  }
  // Only scenarios whose name contains the argument.
  std::string wanted = count > 2 ? arguments[2] : "";
  auto scenario = [wanted](const char *name, std::function<void()> body) {
    if (std::string(name).find(wanted) == std::string::npos) return;
    failures = "";
    body();
    killAgent();
    printf(failures.empty() ? "ok %s%s\n" : "FAILED %s:%s\n", name, failures.c_str());
    fflush(stdout);
  };
  scenario("opens two legs and closes them (hedging)", [] { bothLegs(true); });
  scenario("opens two legs and closes them (netting)", [] { bothLegs(false); });
  scenario("sells both legs when beta is below zero", sameSide);
  scenario("closes the first leg when the second one fails", secondLegFails);
  scenario("retries after a requote, and follows no ENTER while it still closes", requotes);
  scenario("closes when the market reopens", marketClosed);
  scenario("pairs that share a symbol close their own volume (hedging)", [] { sharedSymbol(true); });
  scenario("pairs that share a symbol close their own volume (netting)", [] { sharedSymbol(false); });
  scenario("finds an order whose answer was lost, and does not send it twice", lostAnswer);
  scenario("resends an order that never arrived", neverArrived);
  scenario("crashes at any order and neither doubles nor halves a trade", crashes);
  scenario("crashes at any write to a file and neither loses nor doubles anything", [] { crashesAtFiles(false); });
  scenario("crashes at any write to a file after which result.json is a new one and neither loses nor doubles anything", [] { crashesAtFiles(false, true); });
  scenario("crashes in the middle of any move of a file and neither loses nor doubles anything", [] { crashesAtFiles(true); });
  scenario("has nothing open and every deal reported once after a year of faults", yearOfFaults);
  scenario("books no deal twice while result.json is not writable and an answer is lost (hedging)", [] { unwritableResultAndUnsureOrder(true); });
  scenario("books no deal twice while result.json is not writable and an answer is lost (netting)", [] { unwritableResultAndUnsureOrder(false); });
  scenario("renames a full result.json, and books no deal twice", [] { fullResult(false); });
  scenario("goes on with a full result.json that cannot be renamed", [] { fullResult(true); });
  scenario("closes the other leg when one was closed by hand", closedByHand);
  scenario("reopens nothing that was closed by hand (hedging)", [] { closedByHandMeanwhile(true); });
  scenario("reopens nothing that was closed by hand (netting)", [] { closedByHandMeanwhile(false); });
  scenario("closes the rest of a position that was closed in part (hedging)", [] { partOfItIsGone(true); });
  scenario("closes the rest of a position that was closed in part (netting)", [] { partOfItIsGone(false); });
  scenario("ends two pairs whose common symbol was closed by hand, and opens nothing for it", [] {
    for (double share : {1.0, 0.7, 0.25})
      for (int side : {1, -1}) {
        std::string before = failures;
        sharedSymbolByHand(side, share);
        if (failures != before) failures += " (share " + std::to_string(share) + (side > 0 ? " same side)" : " other side)");
      }
  });
  scenario("opens nothing when a common symbol is closed by hand just before the exit signals", sharedSymbolByHandAtOnce);
  scenario("leaves positions of the user in the same symbol unchanged", besideAPositionOfTheUser);
  scenario("does not assume a manual close while the terminal is disconnected (hedging)", [] { noConnection(true); });
  scenario("does not assume a manual close while the terminal is disconnected (netting)", [] { noConnection(false); });
  scenario("enters within a session, and where the broker lists no sessions", sessions);
  scenario("has caps that no signal exceeds", caps);
  scenario("kill switch closes all, and survives a restart", killSwitch);
  scenario("has its own stop and a daily loss limit", ownStopAndLoss);
  scenario("keeps to the daily loss limit until the day ends, also when the loss was made good", dailyLossLasts);
  scenario("cancels a waiting entry on HALT", haltWhileOpening);
  scenario("reports an ENTER that it cancels before anything is opened", givenUp);
  scenario("reports an ENTER that a restart prevents", givenUpByRestart);
  scenario("keeps positions open through a HALT, and closes them at their maximum age", silence);
  scenario("does not trade a simulated market on a real account", simulatedIsNotTraded);
  scenario("sends no order in paper mode", paperSendsNothing);
  scenario("sizes the second leg by a first one that was filled in part", partlyFilled);
  scenario("does not open on an expired ENTER", lateEnter);
  scenario("does not trade a pair whose state is damaged", damagedState);
  scenario("sends no order twice when the connection is lost before its answer", [] {
    for (bool hedging : {true, false})
      for (const char *symbol : {"EURUSD.m", "GBPUSD.m"}) orderBeforeDisconnect(hedging, symbol);
  });
  scenario("sends no closing order twice when the connection is lost before its answer", [] { closeBeforeDisconnect(true), closeBeforeDisconnect(false); });
  scenario("waits for an order that is still live at the broker", [] {
    for (long lagMs : {0L, 3000L}) orderThatStaysLive(true, lagMs), orderThatStaysLive(false, lagMs);
  });
  scenario("accepts an open position as an executed order before its deal is reported", [] { positionBeforeItsDeal(true), positionBeforeItsDeal(false); });
  scenario("searches for an order only when the terminal has reconnected after a restart", restartsOffline);
  scenario("finds an order whose position another pair has changed", anotherPairInThePosition);
  scenario("resends no order because the PC slept during the search for it", [] {
    for (bool hedging : {true, false}) sleepsInASearch(hedging, false), sleepsInASearch(hedging, true);
    sleepsAShortTime();
  });
  scenario("closes nothing twice that was closed by hand while the PC slept", [] { closedByHandWhileAsleep(false), closedByHandWhileAsleep(true); });
  scenario("sends the bars of the time when the PC slept", barsAfterSleep);
  scenario("continues to send bars after a change of chart or inputs", barsAfterAChangeOfChart);
  scenario("does not count the loss of one account on another", lossOfAnotherAccount);
  scenario("checks no loss before the account has equity", equityIsNotKnown);
  scenario("checks no loss and enters nothing while the account says that it has no equity", equityComesLater);
  scenario("checks no loss while a leg has no price", oneLegHasNoPrice);
  scenario("starts when the terminal has logged in", startsBeforeTheLogin);
  scenario("stays loaded while its folder is locked, and starts when it is free", waitsForTheLock);
  scenario("switches to another account, and back to its own positions", anotherAccount);
  scenario("sums the deals of an order that arrive after the answer", [] {
    for (long lagMs : {0L, 100L, 2000L}) severalDeals(true, lagMs), severalDeals(false, lagMs);
  });
  scenario("books no volume before the server has reported it", lateDealsAreUnsure);
  scenario("keeps an ENTER until a symbol has its first price", firstTickComesLater);
  scenario("cancels an ENTER whose symbol has no price within its validity", priceNeverComes);
  scenario("reports at the start which symbols are missing", missingNameIsReported);
  scenario("sends empty minutes for a symbol that did not trade after its newest bar", quietSymbol);
  scenario("sends no empty minute for a gap in a chart after a lost connection", holeInTheChart);
  scenario("sends final bars with a clock that is two seconds off", [] { wrongClock(2000), wrongClock(-2000); });
  scenario("sends no bar while the server time is no valid time zone offset", serverTimeIsNone);
  scenario("sends the last minute before a pause in which no symbol ticks", pauseOfAllSymbols);
  scenario("checks its caps at each order with market execution", priceRunsAwayWithMarketExecution);
  scenario("retries seldom while the market stays closed", weekend);
  scenario("closes one leg while the market of the other is closed", oneMarketIsClosed);
  scenario("trades while a scanner holds each written file for 50 ms", [] { scanner(50); });
  scenario("closes nothing because a scanner holds the state", scannerHoldsTheState);
  scenario("reads pairs from a file", pairsInAFile);
  scenario("runs once per account", oneAtATime);
  scenario("refuses to start with invalid settings", refusesToStart);
  scenario("has inputs, a panel and a button", chart);
}
