/**
 * Simulated days of the expert advisor on a real account, with every fault mode of the terminal and the broker drawn
 * from a seed. When the faults have ended, nothing may be open and the broker's deals, result.json and the bars that a
 * daemon received must agree.
 */
#pragma once
#include "fault_scenarios.h"

class FaultyDays {
  struct Account {
    std::vector<ShimPosition> positions;
    std::vector<ShimDeal> deals;
    std::vector<ShimOrder> orders;
    std::vector<std::pair<long, std::vector<ShimPosition>>> log;
  };
  struct Pair {
    const char *id, *b;
    int held = 0;
  };
  static constexpr const char *SYMBOLS[3] = {"EURUSD", "GBPUSD", "USDCHF"};

  uint32_t state;
  int minutes;
  /** With fewer trades and timer events. */
  bool isMonth;
  bool isFaultless = true;
  std::map<long, Account> accounts;
  Pair pairs[2] = {{"EURUSD_GBPUSD", "GBPUSD"}, {"EURUSD_USDCHF", "USDCHF"}};
  int positions = 0;
  long reconnectMs = 0, loginBackMs = 0, accountBackMs = 0, lastTickMs = 0;

  uint32_t draw(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
  }
  template <class T> T oneOf(std::initializer_list<T> values) { return *(values.begin() + draw((uint32_t)values.size())); }

  void drawModes() {
    FaultModes &modes = terminal().faults;
    modes.dealLagMs = oneOf<long>({0, 100, 400, 3000});
    modes.positionLagMs = oneOf<long>({0, 300, 2000});
    modes.syncMs = oneOf<long>({0, 3000, 8000});
    modes.dealsPerOrder = oneOf<int>({1, 2, 3});
    modes.executionMs = oneOf<long>({0, 0, 300, 5000});
    modes.bareAnswers = draw(2) == 0;
    modes.firstTickMs = oneOf<long>({-1, 0, 2000});
    modes.charts = true;
    modes.lateTickMs = oneOf<long>({0, 200, 500});
    modes.pcAheadMs = (long)draw(3800) - 1900;
    modes.sessions = true;
    modes.moveCopies = draw(2) == 0;
    modes.scannerMs = oneOf<long>({0, 0, 0, 50});
    modes.dealFee = 0.3;
    modes.lastTickMs = [this] { return lastTickMs; };
    terminal().dropsComments = draw(3) == 0;
    for (auto &symbol : terminal().symbols) symbol.second.execution = draw(2) ? 1 : 2, symbol.second.closedDays = {6, 0};
    settings.maxSkewMs = 5000;
    // Longer than any time without a connection.
    settings.historyBars = 120;
    if (draw(2)) settings.stopPercent = settings.dailyLossPercent = 0;
  }
  bool isOpen(long second) const { return shimIsInSession(terminal().symbols["EURUSD.m"], second * 1000); }
  void drawBars() {
    for (int minute = -40; minute < minutes + 80; minute++) {
      long second = FIRST + minute * 60;
      bool isQuiet = draw(100) == 0 || !isOpen(second);
      for (const char *symbol : SYMBOLS)
        if (!isQuiet && draw(20) != 0) putBar(symbol, second, 1 + draw(1000) * 0.001);
    }
  }
  void movePrices() {
    for (auto &one : terminal().symbols) {
      double moved = one.second.bid * (1 + ((double)draw(41) - 20) / 200000);
      one.second.bid = std::round(moved * 100000) / 100000;
      one.second.ask = one.second.bid + 0.0001;
    }
  }

  /** Faults of the broker and of the connection to it. */
  uint faulty(const MqlTradeRequest &request, double &volume) {
    if (isFaultless) return 0;
    MqlTradeResult result = {};
    switch (draw(40)) {
      case 0: case 1: return TRADE_RETCODE_REQUOTE;
      case 2: return request.position == 0 ? TRADE_RETCODE_NO_MONEY : TRADE_RETCODE_TOO_MANY_REQUESTS;
      case 3: return TRADE_RETCODE_TIMEOUT;
      case 4: shimExecute(request, volume, result); return TRADE_RETCODE_TIMEOUT;
      case 5: throw Crash();
      case 6: shimExecute(request, volume, result); throw Crash();
      case 7: shimExecute(request, volume, result); loseConnection(); return TRADE_RETCODE_TIMEOUT;
      case 8: loseConnection(); return TRADE_RETCODE_CONNECTION;
      // Accepted, and executed after the time limit of the advisor.
      case 9:
        terminal().orders.push_back({terminal().nextTicket++, request.symbol.utf8(), terminal().dropsComments ? "" : request.comment.utf8(), (long)request.type,
                                     (long)request.magic, request.volume, volume, nowMs, nowMs + 20000, 0, std::make_shared<MqlTradeRequest>(request)});
        return TRADE_RETCODE_TIMEOUT;
      case 10: case 11: if (volume > 0.02) volume = std::floor(volume / 2 / 0.01) * 0.01; return 0;
      default: return 0;
    }
  }
  void loseConnection() {
    if (!terminal().connected) return;
    shimDisconnect();
    reconnectMs = nowMs + 2000 + draw(300000);
  }
  /** A crash in `body` is followed by restarts until one completes. */
  void restartOnCrash(std::function<void()> body) {
    try {
      body();
    } catch (Crash &) {
      killAgent();
      restart();
    }
  }
  void restart() {
    restartOnCrash([this] {
      agent.reset(new MhAgent());
      CHECK(agent->Start(settings));
    });
  }
  void crash() {
    killAgent();
    restart();
  }
  void switchAccount(long login) {
    Terminal &world = terminal();
    Account &before = accounts[world.login];
    before = {world.positions, world.deals, world.orders, world.positionLog};
    Account &after = accounts[login];
    world.positions = after.positions, world.deals = after.deals, world.orders = after.orders, world.positionLog = after.log;
    world.firstLive = 0;
    world.login = login;
    // Until the next synchronization the terminal shows the state at the last log-out.
    shimDisconnect();
    world.frozenMs = nowMs;
    reconnectMs = nowMs + 1000;
  }
  void injectFaults() {
    if (draw(60) == 0) crash();
    if (draw(90) == 0) loseConnection();
    if (draw(120) == 0)
      restartOnCrash([] {
        agent->Stop();
        CHECK(agent->Start(settings));
      });
    if (draw(240) == 0) {
      killAgent();
      shimRestartTerminal();
      loginBackMs = nowMs + 1000 + draw(60000);
      reconnectMs = loginBackMs + draw(5000);
      restart();
    }
    if (draw(300) == 0) {
      shimSleepPc(40000 + draw(1200000), draw(2000));
      // The terminal may notice the lost connection, or reconnect at once.
      if (draw(2)) loseConnection();
    }
    if (draw(400) == 0 && accountBackMs == 0) {
      switchAccount(2);
      accountBackMs = nowMs + 60000 + draw(900000);
    }
  }
  void recoverDue() {
    if (loginBackMs > 0 && nowMs >= loginBackMs) terminal().loggedIn = true, loginBackMs = 0;
    if (reconnectMs > 0 && nowMs >= reconnectMs && loginBackMs == 0) shimConnect(), reconnectMs = 0;
    if (accountBackMs > 0 && nowMs >= accountBackMs) switchAccount(1), accountBackMs = 0;
    if (terminal().connected && isOpen(nowMs / 1000)) lastTickMs = nowMs / 1000 * 1000;
  }
  void turn(long ms) {
    nowMs += ms;
    recoverDue();
    restartOnCrash([] { agent->Timer(); });
  }
  void sendSignal(Pair &pair, bool isEnd) {
    SignalFields fields = leave(pair.held, pair.id);
    fields.priceA = terminal().symbols["EURUSD.m"].bid + 0.00005;
    fields.priceB = terminal().symbols[std::string(pair.b) + ".m"].bid + 0.00005;
    SignalFields entry = fields;
    if (isEnd) pair.held = 0, fields.position = "", fields.action = "HOLD";
    else if (pair.held == 0 || draw(12) == 0) {
      if (draw(isMonth ? 20 : 4) != 0 && pair.held == 0) fields.position = "", fields.action = "HOLD";
      else {
        pair.held = ++positions;
        fields = enter(pair.held, draw(2) ? 1 : -1, draw(2) ? 0.8 : -0.6, pair.id);
        fields.priceA = entry.priceA, fields.priceB = entry.priceB;
      }
    } else if (draw(8) == 0) pair.held = 0;
    else {
      fields = inside(pair.held);
      fields.pair = pair.id;
      if (draw(20) == 0) fields.mode = "HALT";
    }
    if (isEnd || draw(10) != 0) publish(fields);
  }
  /** A closed market has no signals; the terminal stays on. */
  void pass(long end) {
    while (nowMs + 20000 < end) turn(20000);
    turn(end - nowMs > 0 ? end - nowMs : 1);
  }
  void minute(bool isEnd) {
    if (!isEnd) injectFaults();
    long end = (nowMs / 60000 + 1) * 60000;
    if (!isEnd || isOpen(nowMs / 1000)) movePrices();
    turn(1000);
    if (!isEnd && !isOpen(nowMs / 1000)) return pass(end);
    for (Pair &pair : pairs) {
      sendSignal(pair, isEnd);
      for (int k = 0; k < 3; k++) turn(250);
    }
    while (nowMs + 15000 < end) turn(isMonth ? 15000 : 5000);
    while (nowMs + 5000 < end) turn(5000);
    turn(end - nowMs > 0 ? end - nowMs : 1);
  }

  void check(long login, int firstMinute) {
    if (terminal().login != login) switchAccount(login);
    for (int k = 0; k < 30; k++) minute(true);
    while (!isOpen(nowMs / 1000)) pass((nowMs / 60000 + 1) * 60000);
    for (int k = 0; k < 10; k++) minute(true);
    EQUAL((int)terminal().positions.size(), 0);
    EQUAL(unreconciled(), "");
    std::map<std::string, double> lots;
    std::map<std::string, int> opened;
    for (const std::string &line : fillsOf()) {
      std::string leg = BarSink::field(line, "position_id").substr(20) + BarSink::field(line, "leg"), kind = BarSink::field(line, "kind");
      if (kind == "open" && ++opened[leg] > 1) failures += " " + leg + " opened twice;";
      lots[leg] += atof(BarSink::field(line, "lots").c_str()) * (kind == "open" ? 1 : -1);
    }
    for (auto &one : lots)
      if (std::fabs(one.second) > 1e-7) failures += " " + one.first + " not closed;";
    fills += (int)fillsOf().size();
    for (const char *symbol : SYMBOLS) {
      EQUAL(wrongBars(symbol, FIRST + firstMinute * 60, nowMs / 60000 * 60 - 120), 0);
      for (auto &one : sink.taken[symbol])
        if (one.second >= 0) bars++;
    }
    EQUAL(sink.conflicts, 0);
  }

public:
  int fills = 0, bars = 0;

  FaultyDays(uint32_t seed, int minuteCount) : state(seed * 2654435761u), minutes(minuteCount), isMonth(minuteCount > 10000) {}

  void run() {
    world(draw(2) == 0);
    takeBars();
    lastTickMs = nowMs;
    drawModes();
    drawBars();
    accounts[1], accounts[2];
    terminal().broker = [this](const MqlTradeRequest &request, double &volume) { return faulty(request, volume); };
    terminal().beforeFile = [this](int bytes) -> int {
      if (bytes < 0) throw Crash();
      if (isFaultless || draw(3000) != 0) return bytes;
      if (bytes == 0) throw Crash();
      return (int)draw((uint32_t)bytes);
    };
    restart();
    isFaultless = false;
    for (long end = nowMs + minutes * 60000L; nowMs < end;) minute(false);
    isFaultless = true;
    terminal().faults.scannerMs = 0;
    accountBackMs = 0;
    check(2, -20);
    check(1, -20);
  }
};

/** One run of `minutes` per seed; prints a line for each. */
static void runDays(int first, int last, int minutes) {
  for (int seed = first; seed <= last; seed++) {
    failures = "";
    FaultyDays days((uint32_t)seed, minutes);
    days.run();
    std::string modes = terminal().hedging ? "hedging" : "netting";
    killAgent();
    printf("%s seed %d: %s, %d lines, %d bars%s\n", failures.empty() ? "ok" : "FAILED", seed, modes.c_str(), days.fills, days.bars, failures.substr(0, 2000).c_str());
    fflush(stdout);
    rmdir(terminal().commonFolder.c_str());
  }
}
