/**
 * Set-up of the scenarios of broker.cpp: a world, its clock, signals in files, and queries of the results.
 */
#pragma once
#include "mql5.h"
#include "../Experts/Minutehand.mq5"
#include <fstream>
#include <memory>
#include <sstream>

struct Crash {};
static long nowMs;
static std::string failures;
#define CHECK(condition)                                                                                              \
  do {                                                                                                                \
    if (!(condition)) failures += std::string(" line ") + std::to_string(__LINE__) + ": " #condition ";";             \
  } while (0)
#define EQUAL(found, wanted)                                                                                          \
  do {                                                                                                                \
    auto one = (found);                                                                                               \
    if (!(one == (wanted))) failures += std::string(" line ") + std::to_string(__LINE__) + ": " #found " is " + shimText(one) + ";"; \
  } while (0)

static std::string root;
static int homes = 0;
static std::unique_ptr<MhAgent> agent;
static MhSettings settings;
static long seq;

static std::string idOf(int number) {
  char text[40];
  snprintf(text, sizeof text, "%032x", number);
  return text;
}

/** Two pairs that share EURUSD; a lot of each symbol is worth about 100,000. */
static void world(bool hedging) {
  terminal() = Terminal();
  for (auto &file : shimFiles()) fclose(file.second);
  shimFiles().clear();
  nowMs = 1795163160000;
  terminal().clock = [] { return nowMs; };
  terminal().sleep = [](long ms) { nowMs += ms; };
  terminal().serverOffsetSeconds = 7200;
  terminal().hedging = hedging;
  do terminal().commonFolder = root + "/" + std::to_string(++homes);
  while (mkdir(terminal().commonFolder.c_str(), 0755) != 0 && errno == EEXIST);
  auto symbol = [](const char *name, double bid, double ask, const char *currency) {
    ShimSymbol one;
    one.bid = bid;
    one.ask = ask;
    one.profitCurrency = currency;
    terminal().symbols[name] = one;
  };
  symbol("EURUSD.m", 1.10000, 1.10010, "USD");
  symbol("GBPUSD.m", 1.25000, 1.25010, "USD");
  symbol("USDCHF.m", 0.80000, 0.80008, "CHF");
  settings = MhSettings();
  settings.pairs = "EURUSD_GBPUSD,EURUSD_USDCHF";
  settings.suffix = ".m";
  settings.folder = "minutehand";
  settings.paper = false;
  settings.magic = 740000;
  settings.useFiles = true;
  settings.risk = 9;
  settings.maxLots = 0.3;
  settings.maxHedgeError = 0.2;
  settings.maxSpreadBps = 8;
  settings.maxDriftBps = 15;
  settings.slippageBps = 3;
  settings.maxOpenPairs = 3;
  settings.dailyLossPercent = 2;
  settings.stopPercent = 1;
  settings.paperEquity = 10000;
  settings.maxSkewMs = 2000;
  seq = 0;
}

static bool start() {
  agent.reset(new MhAgent());
  return agent->Start(settings);
}
/** Ends the advisor at any point, as a killed process; the system closes its files. */
static void killAgent() {
  for (auto &file : shimFiles()) fclose(file.second);
  shimFiles().clear();
  agent.reset();
}

/** Advances time; a crash inside an order ends the program. @returns false when it crashed */
static bool run(long ms, long stepMs = 250) {
  for (long end = nowMs + ms; nowMs < end;) {
    nowMs += stepMs;
    try {
      agent->Timer();
    } catch (Crash &) {
      return false;
    }
  }
  return true;
}

struct SignalFields {
  std::string pair = "EURUSD_GBPUSD", action = "HOLD", reason = "NO_SETUP", position = "", mode = "OK", market = "live", id = idOf(0xffff);
  int target = 0;
  double beta = 0.8, scale = 1;
  double priceA = 1.10005, priceB = 1.25005;
  std::string boot = "20261120T080000000Z";
};
static void publish(const SignalFields &fields) {
  size_t middle = fields.pair.find('_');
  std::ostringstream text;
  text.precision(15);
  std::string entry = fields.action != "ENTER" ? "" : MhEntry(fields.target, fields.beta, string(fields.pair.substr(0, middle)), string(fields.pair.substr(middle + 1))).utf8();
  text << "{\"timestamp\":\"2026-11-20T08:26:00Z\",\"pair\":\"p\",\"z_score\":2.5,\"return_prob\":0.8,\"risk_score\":0.1,\"entry\":\"" << entry
       << "\",\"confidence\":0.7,\"risk_flag\":0,\"theta1\":0.7,\"theta2\":0.3,\"position_scale\":" << fields.scale << ",\"action\":\"" << fields.action
       << "\",\"reason\":\"" << fields.reason << "\",\"target\":" << fields.target << ",\"position_id\":\"" << fields.position
       << "\",\"max_age_bars\":60,\"beta\":" << fields.beta << ",\"price_a\":" << fields.priceA << ",\"price_b\":" << fields.priceB << ",\"pair_id\":\"" << fields.pair
       << "\",\"signal_id\":\"" << fields.id << "\",\"model_version\":\"\",\"feature_schema\":\"0123456789abcdef\",\"policy_hash\":\"0123456789abcdef\",\"mode\":\""
       << fields.mode << "\",\"expected_net_bps\":null,\"leverage_reduction_rate\":1,\"schema\":\"minutehand.signal/2\",\"market\":\"" << fields.market << "\",\"boot_id\":\"" << fields.boot << "\",\"seq\":" << ++seq
       << ",\"generated_at_ms\":" << nowMs << ",\"valid_until_ms\":" << nowMs + 150000;
  std::string covered = text.str();
  MqlArray<uchar> bytes;
  bytes.raw().assign(covered.begin(), covered.end());
  std::string folder = terminal().commonFolder + "/minutehand/signals/" + fields.pair;
  for (const char *part : {"/minutehand", "/minutehand/signals"}) mkdir((terminal().commonFolder + part).c_str(), 0755);
  mkdir(folder.c_str(), 0755);
  std::ofstream(folder + "/signal.json") << covered << ",\"crc32\":\"" << MhHex8(MhCrc32(bytes, 0, ArraySize(bytes))).utf8() << "\"}\n";
}
static SignalFields enter(int number, int target = 1, double beta = 0.8, const char *pair = "EURUSD_GBPUSD") {
  SignalFields fields;
  fields.pair = pair;
  fields.action = "ENTER";
  fields.reason = "ENTRY";
  fields.target = target;
  fields.beta = beta;
  fields.position = fields.id = idOf(number);
  if (fields.pair == "EURUSD_USDCHF") fields.priceB = 0.80004;
  return fields;
}
static SignalFields leave(int number, const char *pair = "EURUSD_GBPUSD") {
  SignalFields fields;
  fields.pair = pair;
  fields.action = "EXIT";
  fields.reason = "Z_EXIT";
  fields.position = idOf(number);
  return fields;
}
static SignalFields inside(int number) {
  SignalFields fields;
  fields.reason = "IN_POSITION";
  fields.target = 1;
  fields.position = idOf(number);
  return fields;
}

/** Signed lots held of a symbol. */
static double net(const char *symbol) {
  double sum = 0;
  for (ShimPosition &one : terminal().positions)
    if (one.symbol == symbol) sum += one.type == POSITION_TYPE_BUY ? one.volume : -one.volume;
  return std::round(sum * 1e6) / 1e6;
}
/** Complete lines of result.json. */
static std::vector<std::string> results() {
  std::ifstream file(terminal().commonFolder + "/minutehand/ea/" + std::to_string(terminal().login) + "_" + (settings.paper ? "paper" : "trade") + "/result.json");
  std::vector<std::string> lines;
  std::string line;
  while (std::getline(file, line)) lines.push_back(line);
  return lines;
}
static std::string ticketOf(const std::string &line) {
  size_t at = line.find("\"ticket\":");
  return at == std::string::npos ? "" : line.substr(at + 9, line.find(',', at) - at - 9);
}
static int counted(const std::string &part) {
  int count = 0;
  for (const std::string &line : results())
    if (line.find(part) != std::string::npos) count++;
  return count;
}

/** Lines that report the ENTER of a position as refused for this reason. */
static int refusals(int number, const std::string &error) {
  int count = 0;
  for (const std::string &line : results())
    if (line.find("\"kind\":\"refused\"") != std::string::npos && line.find("\"position_id\":\"" + idOf(number) + "\"") != std::string::npos &&
        line.find("\"error\":\"" + error + "\"") != std::string::npos)
      count++;
  return count;
}

/** A manual trade in the terminal: buys (above 0) or sells lots. @param position to close on a hedging account */
static void byHand(const char *symbol, double lots, ulong position = 0) {
  MqlTradeRequest request = {};
  MqlTradeResult result;
  request.symbol = string(symbol);
  request.type = lots > 0 ? ORDER_TYPE_BUY : ORDER_TYPE_SELL;
  request.position = position;
  CHECK(shimExecute(request, std::fabs(lots), result) == TRADE_RETCODE_DONE);
}
