/**
 * The strategy tester: ticks of a file, one after another, with the expert advisor's own handlers.
 */
#pragma once
#include "scenario.h"

/**
 * Runs the advisor in the tester and prints what its journal has.
 * @param arguments `<common folder> <ticks> [InpName=value …] [netting]`; a tick is `<UTC ms>,<symbol>,<bid>,<ask>`
 * @returns exit code: 1 when OnInit refuses to start
 */
static int runTester(const std::vector<std::string> &arguments) {
  terminal() = Terminal();
  Terminal &world = terminal();
  world.tester = true;
  world.commonFolder = arguments[0];
  world.clock = [] { return nowMs; };
  world.sleep = [](long ms) { nowMs += ms; };
  world.echo = false;
  for (size_t k = 2; k < arguments.size(); k++) {
    size_t middle = arguments[k].find('=');
    std::string name = arguments[k].substr(0, middle), value = middle == std::string::npos ? "" : arguments[k].substr(middle + 1);
    if (name == "netting") world.hedging = false;
    else if (name == "InpMaxOpenPairs") InpMaxOpenPairs = atoi(value.c_str());
    else if (name == "InpStopPercent") InpStopPercent = atof(value.c_str());
    else if (name == "InpMaxSpreadBps") InpMaxSpreadBps = atof(value.c_str());
    else if (name == "InpTesterOffset") InpTesterOffset = atof(value.c_str());
    else if (name == "InpMaxLots") InpMaxLots = atof(value.c_str());
    else shimFail("unknown argument " + name);
  }
  std::ifstream file(arguments[1]);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  struct Tick {
    long ms;
    std::string symbol;
    double bid, ask;
  };
  std::vector<Tick> ticks;
  for (const std::string &line : lines) {
    std::istringstream rest(line);
    std::string ms, symbol, bid, ask;
    std::getline(rest, ms, ',');
    std::getline(rest, symbol, ',');
    std::getline(rest, bid, ',');
    std::getline(rest, ask, ',');
    ticks.push_back({atol(ms.c_str()), symbol, atof(bid.c_str()), atof(ask.c_str())});
    ShimSymbol &one = world.symbols[symbol];
    one.minLots = one.stepLots = 0.000001;
    one.contract = 100;
  }
  auto serverTime = [&world] {
    bool isSummer = MhIsSummer(MH_DST_US, (datetime)(nowMs / 1000));
    world.serverOffsetSeconds = 7200 + (isSummer ? 3600 : 0);
  };
  nowMs = ticks.empty() ? 0 : ticks[0].ms;
  serverTime();
  int started = OnInit();
  if (started == INIT_SUCCEEDED) {
    for (size_t k = 0; k < ticks.size(); k++) {
      nowMs = ticks[k].ms;
      serverTime();
      world.symbols[ticks[k].symbol].bid = ticks[k].bid;
      world.symbols[ticks[k].symbol].ask = ticks[k].ask;
      if (k + 1 == ticks.size() || ticks[k + 1].ms != nowMs) OnTick();
    }
    OnDeinit(0);
  }
  for (const std::string &line : world.printed) printf("%s\n", line.c_str());
  printf("positions %d\n", PositionsTotal());
  return started == INIT_SUCCEEDED ? 0 : 1;
}
